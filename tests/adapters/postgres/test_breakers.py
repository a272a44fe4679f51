"""Circuit breakers as processes share them: the table and the fake answer alike."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from shared.adapters.postgres.breakers import StoredBreakers
from shared.domain.breakers import Breaker, BreakerState
from shared.ports.breakers import Breakers
from tests.fakes.breakers import FakeBreakers

NAME = "OpenStack Nova (RegionOne)"


@pytest.fixture(params=[pytest.param("postgres", marks=pytest.mark.postgres), "memory"])
def breakers(request: pytest.FixtureRequest) -> Breakers:
    if request.param == "memory":
        return FakeBreakers()
    return StoredBreakers(request.getfixturevalue("engine"))


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def test_a_breaker_that_nobody_opened_is_closed(breakers: Breakers) -> None:
    assert breakers.read(NAME) == Breaker(NAME, BreakerState.CLOSED)
    assert breakers.close(NAME).state is BreakerState.CLOSED
    assert not breakers.probe(NAME, seconds=1)


def test_an_open_breaker_says_why_and_when_it_is_probed(breakers: Breakers) -> None:
    opened = breakers.open(NAME, seconds=60, reason="answers 503")
    assert (opened.state, opened.reason) == (BreakerState.OPEN, "answers 503")
    assert 55 < breakers.read(NAME).retry_in <= 60
    assert not breakers.probe(NAME, seconds=1)
    assert breakers.read("another").state is BreakerState.CLOSED


def test_opening_it_again_never_shortens_the_wait(breakers: Breakers) -> None:
    breakers.open(NAME, seconds=60, reason="answers 503")
    assert breakers.open(NAME, seconds=1, reason="answers 500").retry_in > 55
    assert breakers.open(NAME, seconds=90, reason="answers 500").retry_in > 85


def test_the_probe_of_one_moment_is_taken_once_whoever_asks(breakers: Breakers) -> None:
    breakers.open(NAME, seconds=0, reason="answers 503")
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: breakers.probe(NAME, seconds=60), range(32)))
    assert taken.count(True) == 1
    assert breakers.read(NAME).state is BreakerState.HALF_OPEN


def test_a_probe_that_nobody_answers_for_frees_the_next(breakers: Breakers) -> None:
    breakers.open(NAME, seconds=0, reason="answers 503")
    assert breakers.probe(NAME, seconds=0.2)
    assert not breakers.probe(NAME, seconds=0.2)
    until(lambda: breakers.probe(NAME, seconds=60))


def test_a_probe_that_failed_opens_it_and_one_that_succeeded_closes_it(breakers: Breakers) -> None:
    breakers.open(NAME, seconds=0, reason="answers 503")
    assert breakers.probe(NAME, seconds=60)
    assert breakers.open(NAME, seconds=2, reason="answers 502").retry_in <= 2
    assert breakers.close(NAME) == Breaker(NAME, BreakerState.CLOSED)
    assert breakers.read(NAME) == Breaker(NAME, BreakerState.CLOSED)


@pytest.mark.postgres
def test_a_reason_is_cut_to_what_the_table_holds(engine: Engine) -> None:
    opened = StoredBreakers(engine).open(NAME, seconds=1, reason="x" * 1000)
    assert len(opened.reason or "") == 255

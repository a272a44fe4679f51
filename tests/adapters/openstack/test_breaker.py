"""The circuit breaker: when it opens, whom it lets through, and what processes share."""

import pytest

from shared.adapters.openstack.breaker import BreakerPolicy, CircuitBreaker
from shared.domain.breakers import BreakerState
from shared.domain.errors import Transient
from tests.fakes.breakers import FakeBreakers
from tests.fakes.clock import Clock

POLICY = BreakerPolicy(failures=5, share=0.5, window=30, probe_seconds=5, refresh_seconds=5)


class Scene:
    """Processes over one store, on one clock."""

    def __init__(self) -> None:
        self.clock = Clock(1000.0)
        self.store = FakeBreakers(self.clock)
        self.here, self.there = self.process(), self.process()

    def process(self) -> CircuitBreaker:
        return CircuitBreaker("nova", self.store, POLICY, self.clock)

    def fail(
        self, breaker: CircuitBreaker, times: int = 1, retry_after: float | None = None
    ) -> None:
        for _ in range(times):
            breaker.failed(breaker.admit(), "answers 503", retry_after)

    def succeed(self, breaker: CircuitBreaker, times: int = 1) -> None:
        for _ in range(times):
            breaker.succeeded(breaker.admit())

    def refuses(self, breaker: CircuitBreaker) -> bool:
        try:
            breaker.admit()
        except Transient:
            return True
        return False


def test_some_failures_do_not_open_it_and_cost_no_write() -> None:
    scene = Scene()
    scene.fail(scene.here, 4)
    scene.succeed(scene.here, 1)
    assert not scene.refuses(scene.here)
    assert scene.store.calls == ["read"]


def test_enough_failures_open_it_with_one_write() -> None:
    scene = Scene()
    scene.fail(scene.here, 5)
    with pytest.raises(Transient, match=r"nova does not answer \(answers 503\).*in 5 s") as caught:
        scene.here.admit()
    assert caught.value.retry_after == 5
    assert scene.store.calls == ["read", "open"]


def test_failures_among_many_successes_do_not_open_it() -> None:
    scene = Scene()
    for _ in range(10):
        scene.fail(scene.here)
        scene.succeed(scene.here, 2)
    assert not scene.refuses(scene.here)


def test_failures_of_long_ago_do_not_count() -> None:
    scene = Scene()
    scene.fail(scene.here, 4)
    scene.clock.now += 31
    scene.fail(scene.here)
    assert not scene.refuses(scene.here)


def test_calls_that_were_under_way_when_it_opened_write_nothing() -> None:
    scene = Scene()
    under_way = [scene.here.admit() for _ in range(100)]
    for admission in under_way:
        scene.here.failed(admission, "answers 503")
    assert scene.store.calls == ["read", "open"]


def test_another_process_learns_of_it_within_five_seconds() -> None:
    scene = Scene()
    scene.succeed(scene.there)
    scene.fail(scene.here, 5)
    scene.clock.now += 4.9
    assert not scene.refuses(scene.there)
    scene.store.open("nova", seconds=5, reason="answers 503")
    scene.clock.now += 0.1
    assert scene.refuses(scene.there)


def test_one_probe_goes_through_over_all_processes() -> None:
    scene = Scene()
    scene.fail(scene.here, 5)
    scene.clock.now += 5
    processes = [scene.here, scene.there, scene.process(), scene.process()]
    admitted = [breaker for breaker in processes * 10 if not scene.refuses(breaker)]
    assert len(admitted) == 1
    assert scene.store.read("nova").state is BreakerState.HALF_OPEN


def test_a_probe_that_fails_keeps_it_open_for_another_interval() -> None:
    scene = Scene()
    scene.fail(scene.here, 5)
    scene.clock.now += 5
    scene.fail(scene.here)
    scene.clock.now += 4.9
    assert scene.refuses(scene.here)
    assert scene.refuses(scene.there)
    scene.clock.now += 0.2
    assert not scene.refuses(scene.here)


def test_a_probe_that_succeeds_closes_it_for_everybody() -> None:
    scene = Scene()
    scene.fail(scene.here, 5)
    assert scene.refuses(scene.there)
    scene.clock.now += 5
    scene.succeed(scene.here)
    assert not scene.refuses(scene.here)
    scene.clock.now += 5
    assert not scene.refuses(scene.there)
    assert scene.store.read("nova").state is BreakerState.CLOSED


def test_a_process_that_dies_in_its_probe_blocks_the_next_for_one_interval_only() -> None:
    scene = Scene()
    scene.fail(scene.here, 5)
    scene.clock.now += 5
    assert not scene.refuses(scene.there)
    assert scene.refuses(scene.here)
    scene.clock.now += 5.1
    assert not scene.refuses(scene.here)


def test_a_success_from_before_it_opened_does_not_close_it() -> None:
    scene = Scene()
    early = scene.here.admit()
    scene.fail(scene.here, 5)
    scene.here.succeeded(early)
    assert scene.refuses(scene.here)


@pytest.mark.parametrize(("asked", "waits"), [(2.0, 5), (20.0, 20), (3600.0, 60)])
def test_it_is_left_alone_for_as_long_as_it_asks_within_reason(asked: float, waits: int) -> None:
    scene = Scene()
    scene.fail(scene.here, 5, retry_after=asked)
    with pytest.raises(Transient) as caught:
        scene.here.admit()
    assert caught.value.retry_after == waits


def test_a_store_that_is_down_neither_opens_nor_disables_it() -> None:
    scene = Scene()
    scene.store.down = True
    scene.succeed(scene.here, 10)
    scene.clock.now += 31
    scene.fail(scene.here, 5)
    assert scene.refuses(scene.here)
    scene.clock.now += 5
    scene.succeed(scene.here)
    scene.succeed(scene.here, 20)


def test_calls_cost_one_read_per_five_seconds() -> None:
    scene = Scene()
    for _ in range(100):
        scene.succeed(scene.here)
        scene.clock.now += 0.1
    assert scene.store.calls == ["read"] * 2


def test_callers_who_are_refused_ask_the_store_once_per_probe() -> None:
    scene = Scene()
    scene.fail(scene.here, 5)
    scene.clock.now += 5
    scene.store.calls.clear()
    admitted = sum(not scene.refuses(scene.here) for _ in range(100))
    assert admitted == 1
    assert scene.store.calls.count("probe") == 1

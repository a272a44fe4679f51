"""Permits that processes lease from one table: never more than the limit in one window."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, event

from shared.adapters.postgres.limits import LimitWindows
from shared.domain.ids import now
from shared.domain.limits import Rule
from shared.usecases.limits import Limiter

pytestmark = pytest.mark.postgres

HOUR = 3600


def drain(limiter: Limiter, rule: Rule, most: int = 10_000) -> int:
    """Ask until refused; how often it was admitted."""
    for admitted in range(most):
        standing = limiter.spend(rule, "ada") or limiter.lease(rule, "ada")
        if not standing.admitted:
            return admitted
    return most


def test_a_window_has_its_limit_and_not_one_more(engine: Engine) -> None:
    rule = Rule("exact", 37, HOUR)
    assert drain(Limiter(LimitWindows(engine)), rule) == 37


def test_instances_together_never_pass_the_limit(engine: Engine) -> None:
    rule = Rule("shared", 1000, HOUR)
    instances = [Limiter(LimitWindows(engine)) for _ in range(4)]
    with ThreadPoolExecutor(8) as threads:
        admitted = list(threads.map(lambda n: drain(instances[n % 4], rule), range(8)))
    assert sum(admitted) == rule.limit
    assert all(drain(limiter, rule) == 0 for limiter in instances)


def test_most_requests_cost_no_statement(engine: Engine) -> None:
    statements: Counter[str] = Counter()
    event.listen(engine, "before_cursor_execute", lambda *a: statements.update(["sent"]))
    rule = Rule("frugal", 5000, HOUR)
    limiter = Limiter(LimitWindows(engine))
    for _ in range(2000):
        assert (limiter.spend(rule, "ada") or limiter.lease(rule, "ada")).admitted
    assert statements["sent"] < 40


def test_a_refused_caller_costs_no_statement_until_the_window_ends(engine: Engine) -> None:
    rule = Rule("refused", 3, HOUR)
    limiter = Limiter(LimitWindows(engine))
    drain(limiter, rule)
    statements: Counter[str] = Counter()
    event.listen(engine, "before_cursor_execute", lambda *a: statements.update(["sent"]))
    refused = limiter.spend(rule, "ada")
    assert refused is not None
    assert not refused.admitted
    assert refused.remaining == 0
    assert 1 <= refused.reset <= HOUR
    assert statements["sent"] == 0


def test_callers_do_not_share_a_window(engine: Engine) -> None:
    rule = Rule("each", 2, HOUR)
    limiter = Limiter(LimitWindows(engine))
    drain(limiter, rule)
    assert limiter.lease(rule, "bob").admitted


def test_the_next_window_starts_afresh_by_the_databases_clock(engine: Engine) -> None:
    rule = Rule("short", 5, 1)
    limiter = Limiter(LimitWindows(engine))
    admitted = 0
    with engine.connect() as connection:
        first = second = _second(connection)
        while second - first < 3:
            standing = limiter.spend(rule, "ada") or limiter.lease(rule, "ada")
            admitted += standing.admitted
            second = _second(connection)
    windows = second - first + 1
    assert rule.limit * (windows - 2) <= admitted <= rule.limit * windows


def _second(connection: Connection) -> int:
    query = "SELECT floor(extract(epoch FROM clock_timestamp()))::bigint"
    return int(connection.exec_driver_sql(query).scalar_one())


def test_a_process_that_leased_does_not_starve_the_others(engine: Engine) -> None:
    rule = Rule("fair", 100, HOUR)
    greedy, modest = Limiter(LimitWindows(engine)), Limiter(LimitWindows(engine))
    for _ in range(80):
        greedy.spend(rule, "ada") or greedy.lease(rule, "ada")
    got = drain(modest, rule)
    assert got >= 10
    assert got + 80 + drain(greedy, rule) == rule.limit


def test_threads_that_need_a_permit_at_once_lease_one_batch(engine: Engine) -> None:
    rule = Rule("herd", 4000, HOUR)
    limiter = Limiter(LimitWindows(engine))
    for _ in range(600):
        limiter.spend(rule, "ada") or limiter.lease(rule, "ada")
    statements: Counter[str] = Counter()
    event.listen(engine, "before_cursor_execute", lambda *a: statements.update(["sent"]))
    ready = threading.Barrier(10)

    def ask(_: int) -> bool:
        ready.wait(10)
        return (limiter.spend(rule, "ada") or limiter.lease(rule, "ada")).admitted

    with ThreadPoolExecutor(10) as threads:
        assert all(threads.map(ask, range(10)))
    assert statements["sent"] <= 1


def test_keys_that_nobody_uses_any_more_are_forgotten(engine: Engine) -> None:
    windows = LimitWindows(engine)
    windows.take("old", limit=5, seconds=60, wanted=1)
    assert windows.prune(now() - timedelta(days=1)) == 0
    assert windows.prune(now() + timedelta(seconds=5)) >= 1

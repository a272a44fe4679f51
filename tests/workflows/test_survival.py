"""The engine is killed in every kind of state: the next one goes on where it was."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from shared.adapters.dbos import Database, DbosClient
from tests.workflows.deadlines import ended, eventually
from tests.workflows.machines import machine, nested, retry, task, token_task, wait
from tests.workflows.processes import Platform
from tests.workflows.real import AFTERWARDS, BEFORE, HANDS_OUT_TOKEN, machines

pytestmark = pytest.mark.postgres


@pytest.fixture
def platform(database: str, tmp_path: Path) -> Iterator[Platform]:
    tables = Database(database, "workflows", 2)
    tables.open()
    platform = Platform(database, tmp_path / "journal", DbosClient(tables, {}))
    try:
        yield platform
    finally:
        while platform.processes:
            platform.kill()
        platform.client.close()


def test_killed_while_a_task_runs_only_that_task_runs_again(platform: Platform) -> None:
    defined = [machine("m", {"A": task("a"), "B": task("b"), "C": task("c")})]
    platform.run(defined, {"b": "block"}, [("m", "x")])
    platform.called("a", "b")

    platform.kill()
    platform.run(defined)

    platform.ends("x")
    assert platform.calls() == ["a", "b", "b", "c"]


def test_killed_in_a_retrys_backoff_the_rest_of_it_is_waited_for(platform: Platform) -> None:
    backoff = 6
    again = retry("Transient", IntervalSeconds=backoff, MaxAttempts=1)
    defined = [machine("m", {"A": task("a"), "B": task("b", Retry=again)})]
    platform.run(defined, {"b": "fail"}, [("m", "x")])
    platform.called("a", "b")
    failed_at = time.monotonic()
    platform.waits("deadline > now()")
    deadlines = platform.deadlines()

    platform.kill()
    platform.run(defined)

    platform.ends("x")
    assert platform.calls() == ["a", "b", "b"]
    assert platform.deadlines() == deadlines
    assert time.monotonic() - failed_at > backoff - 0.5


def test_killed_in_the_backoff_the_attempts_made_still_count(platform: Platform) -> None:
    again = retry("Transient", IntervalSeconds=2, MaxAttempts=1)
    defined = [machine("m", {"B": task("b", Retry=again)})]
    platform.run(defined, {"b": "fail"}, [("m", "x")])
    platform.called("b")
    platform.waits("deadline > now()")

    platform.kill()
    platform.run(defined, {"b": "fail"})

    assert ended(platform.client, "x").error == "Transient"
    assert platform.calls() == ["b", "b"]


def test_killed_in_a_wait_the_rest_of_it_passes(platform: Platform) -> None:
    pause = 6
    defined = [machine("m", {"W": wait(pause), "A": task("a")})]
    platform.run(defined, start=[("m", "x")])
    platform.waits("deadline > now()")
    began = time.monotonic()
    deadlines = platform.deadlines()

    platform.kill()
    platform.run(defined)

    platform.ends("x")
    assert platform.calls() == ["a"]
    assert platform.deadlines() == deadlines
    assert time.monotonic() - began > pause - 0.5


def test_killed_while_waiting_for_a_token_the_work_is_not_handed_over_again(
    platform: Platform,
) -> None:
    defined = [machine("m", {"T": token_task("t"), "A": task("a")})]
    platform.run(defined, {"t": "ignore"}, [("m", "x")])
    platform.called("t")
    platform.waits("submitted")

    platform.kill()
    platform.client.succeed(platform.entries()[0]["token"], {"answered": "while it was down"})
    platform.run(defined)

    platform.ends("x")
    assert platform.calls() == ["t", "a"]


def test_killed_while_handing_work_over_it_is_handed_over_again_with_the_same_token(
    platform: Platform,
) -> None:
    defined = [machine("m", {"T": token_task("t")})]
    platform.run(defined, {"t": "block"}, [("m", "x")])
    platform.called("t")

    platform.kill()
    platform.run(defined, {"t": "ignore"})
    platform.called("t", "t")
    first, second = (entry["token"] for entry in platform.entries())
    platform.client.succeed(second, {})

    platform.ends("x")
    assert first == second


def test_the_time_an_engine_is_down_is_no_missing_heartbeat(platform: Platform) -> None:
    defined = [machine("m", {"T": token_task("t", heartbeat=2)})]
    platform.run(defined, {"t": "ignore"}, [("m", "x")])
    platform.called("t")
    platform.waits("submitted")
    platform.kill()
    platform.waits("heartbeat_at < now() - interval '3 seconds'")

    platform.run(defined)
    token = platform.entries()[0]["token"]
    eventually(lambda: platform.driven("x"), "the execution is driven again")
    platform.client.heartbeat(token)
    platform.client.succeed(token, {})

    platform.ends("x")


def test_the_deadline_of_a_state_passes_while_the_engine_is_down(platform: Platform) -> None:
    defined = [machine("m", {"T": token_task("t", timeout=2, heartbeat=1)})]
    platform.run(defined, {"t": "ignore"}, [("m", "x")])
    platform.called("t")
    platform.kill()
    platform.waits("deadline < now()")

    platform.run(defined)

    assert ended(platform.client, "x").error == "States.Timeout"


def test_killed_in_a_nested_execution_both_go_on(platform: Platform) -> None:
    inner = machine("inner", {"A": task("a"), "T": token_task("t"), "B": task("b")})
    outer = machine("outer", {"N": nested("inner"), "C": task("c")})
    platform.run([outer, inner], {"t": "ignore"}, [("outer", "x")])
    platform.called("a", "t")
    platform.waits("submitted")

    platform.kill()
    platform.run([outer, inner])
    platform.client.succeed(platform.entries()[1]["token"], {})

    platform.ends("x-nested")
    platform.ends("x")
    assert platform.calls() == ["a", "t", "b", "c"]


def test_what_runs_keeps_its_definition_through_an_upgrade(platform: Platform) -> None:
    before = machine("m", {"T": token_task("t"), "A": task("old")})
    after = machine("m", {"A": task("new")})
    platform.run([before], {"t": "ignore"}, [("m", "x")])
    platform.called("t")
    platform.waits("submitted")

    platform.kill()
    platform.run([after], start=[("m", "y")])
    platform.ends("y")
    platform.client.succeed(platform.entries()[0]["token"], {})
    platform.ends("x")

    assert platform.calls() == ["t", "new", "old"]


def test_an_execution_recorded_but_never_begun_is_begun(platform: Platform) -> None:
    defined = [machine("m", {"A": task("a")})]
    platform.run(defined, start=[("m", "first")])
    platform.ends("first")
    platform.kill()
    with psycopg.connect(platform.database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO workflows.executions"
            " (name, machine, definition, protocol, input, deadline)"
            " SELECT 'second', machine, definition, protocol, input, now() + interval '1 hour'"
            " FROM workflows.executions"
        )

    platform.run(defined)

    platform.ends("second")
    assert platform.calls() == ["a", "a"]


def test_killed_again_and_again_every_execution_ends_once(platform: Platform) -> None:
    defined = [machine("m", {name: task(name) for name in "abcdef"})]
    names = [f"x{number}" for number in range(20)]
    start = [("m", name) for name in names]
    platform.run(defined, start=start)
    for least in (10, 40, 80):
        eventually(lambda: len(platform.calls()) >= least, f"{least} calls")  # noqa: B023
        platform.kill()
        platform.run(defined, start=start)

    for name in names:
        platform.ends(name, 40)
    calls = platform.calls()
    assert len(calls) <= 120 + 3 * 20
    assert all(calls.count(function) >= 20 for function in "abcdef")


DEPLOY = (*BEFORE["deploy"], *AFTERWARDS)
ALL_ANSWER = dict.fromkeys(HANDS_OUT_TOKEN, "answer")


@pytest.mark.parametrize("function", DEPLOY)
def test_killed_in_a_state_of_deploy_nothing_done_is_done_again(
    platform: Platform, function: str
) -> None:
    loaded = list(machines(heartbeat=30).values())
    platform.run(loaded, {**ALL_ANSWER, function: "block"}, [("deploy", "d-1")])
    until = DEPLOY[: DEPLOY.index(function) + 1]
    platform.called(*until)

    platform.kill()
    platform.run(loaded, ALL_ANSWER)

    platform.ends("d-1")
    assert platform.calls() == [*until, *DEPLOY[len(until) - 1 :]]

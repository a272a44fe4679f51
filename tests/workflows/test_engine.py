"""What the engine promises beyond the language: names, stops, closing and retention."""

import threading
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.adapters.dbos import (
    Database,
    DbosClient,
    DbosWorkflows,
    EngineBusy,
    EngineSettings,
    ProtocolMismatch,
)
from shared.domain.errors import Invalid, NotFound, TokenExpired, TooLarge, Transient
from shared.ports.workflows import ExecutionStatus
from tests.workflows.conftest import Launch
from tests.workflows.deadlines import ended, eventually
from tests.workflows.engine_cases import CHAIN, WAITING, first_token
from tests.workflows.machines import (
    machine,
    nested,
    task,
    wait,
)
from tests.workflows.script import Do, Ignore, Raise, Return, Script

pytestmark = pytest.mark.postgres


def test_starting_twice_is_starting_once(launch: Launch) -> None:
    script = Script()
    engine = launch([CHAIN], script)

    engine.start("chain", "once", {"n": 1})
    engine.start("chain", "once", {"n": 2})

    assert ended(engine, "once").status is ExecutionStatus.SUCCEEDED
    engine.start("chain", "once", {"n": 3})
    assert script.calls == ["a", "b"]
    assert script.payloads[0] == {"n": 1}


def test_many_threads_starting_the_same_name_start_it_once(launch: Launch) -> None:
    script = Script()
    engine = launch([CHAIN], script)
    threads = [threading.Thread(target=engine.start, args=("chain", "same", {})) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ended(engine, "same")
    assert script.calls == ["a", "b"]


def test_an_unknown_machine_a_bad_name_and_a_huge_payload_are_refused(launch: Launch) -> None:
    engine = launch([CHAIN], Script())

    with pytest.raises(NotFound, match="no state machine nothing"):
        engine.start("nothing", "x", {})
    with pytest.raises(Invalid, match="does not name an execution"):
        engine.start("chain", "no spaces", {})
    with pytest.raises(TooLarge):
        engine.start("chain", "x", {"text": "x" * 300_000})
    assert engine.describe("x") is None


def test_another_process_answers_stops_and_starts_through_the_database(
    launch: Launch, database: str
) -> None:
    script = Script({"t": [Ignore()]})
    engine = launch([WAITING, CHAIN], script)
    tables = Database(database, EngineSettings().schema, 2)
    tables.open()
    client = DbosClient(tables, {"chain": CHAIN, "waiting": WAITING})

    client.start("waiting", "w", {})
    token = first_token(script)
    client.heartbeat(token)
    client.succeed(token, {"ok": True})
    assert ended(client, "w").status is ExecutionStatus.SUCCEEDED

    script.payloads.clear()
    client.start("waiting", "stopped", {})
    first_token(script)
    client.stop("stopped", "Cancelled", "by hand")
    assert ended(engine, "stopped").error == "Cancelled"
    client.close()


def test_a_stopped_execution_and_its_nested_ones_end_at_once(launch: Launch) -> None:
    script = Script({"t": [Ignore()]})
    outer = machine("outer", {"N": nested("waiting"), "After": task("after-nested")})
    engine = launch([outer, WAITING], script)
    engine.start("outer", "o", {})
    token = first_token(script)

    engine.stop("o", "Cancelled", "by hand")

    for name in ("o", "o-nested"):
        execution = engine.describe(name)
        assert execution is not None
        assert (execution.status, execution.error) == (ExecutionStatus.ABORTED, "Cancelled")
    with pytest.raises(TokenExpired):
        engine.succeed(token, {})
    eventually(lambda: not engine.driven(), "its threads end", 2)
    assert script.calls == ["t"]


def test_stopping_what_has_ended_changes_nothing(launch: Launch) -> None:
    engine = launch([CHAIN], Script())
    engine.start("chain", "c", {})
    before = ended(engine, "c")

    engine.stop("c", "Cancelled", "too late")

    assert engine.describe("c") == before
    with pytest.raises(NotFound):
        engine.stop("never", "Cancelled", "no such thing")


def test_no_state_begins_after_a_stop_while_a_function_runs(launch: Launch) -> None:
    running, let_go = threading.Event(), threading.Event()

    def block(_payload: dict[str, Any]) -> dict[str, Any]:
        running.set()
        let_go.wait(20)
        return {}

    script = Script({"a": [Do(block)]})
    engine = launch([CHAIN], script)
    engine.start("chain", "c", {})
    running.wait(10)

    engine.stop("c", "Cancelled", "by hand")
    let_go.set()

    eventually(lambda: not engine.driven(), "its threads end", 2)
    assert script.calls == ["a"]
    assert ended(engine, "c").status is ExecutionStatus.ABORTED


def test_a_second_engine_on_the_same_database_is_refused(launch: Launch, database: str) -> None:
    launch([CHAIN], Script())
    second = DbosWorkflows(
        database, {}, Script(), lambda *_: None, EngineSettings(lock_seconds=0.2)
    )

    with pytest.raises(EngineBusy, match="another platform process"):
        second.launch()


def test_closing_leaves_the_rest_to_the_next_engine(launch: Launch) -> None:
    script = Script({"t": [Ignore()]})
    engine = launch([WAITING], script)
    engine.start("waiting", "w", {})
    token = first_token(script)

    engine.close()
    next_script = Script()
    following = launch([WAITING], next_script)
    following.succeed(token, {"ok": 1})

    assert ended(following, "w").status is ExecutionStatus.SUCCEEDED
    assert script.calls == ["t"]
    assert next_script.calls == ["after"]


def test_closing_lets_a_running_function_end_and_remembers_it(launch: Launch) -> None:
    running, let_go = threading.Event(), threading.Event()

    def slow(_payload: dict[str, Any]) -> dict[str, Any]:
        running.set()
        let_go.wait(10)
        return {"slow": "result"}

    script = Script({"a": [Do(slow)]})
    engine = launch([CHAIN], script, settings=EngineSettings(close_seconds=10))
    engine.start("chain", "c", {})
    running.wait(10)
    closing = threading.Thread(target=engine.close)
    closing.start()
    let_go.set()
    closing.join()

    next_script = Script()
    following = launch([CHAIN], next_script)

    assert ended(following, "c").status is ExecutionStatus.SUCCEEDED
    assert next_script.calls == ["b"]
    assert next_script.payloads[0]["Payload"] == {"slow": "result"}


def test_calls_to_a_closed_engine_say_that_it_is_away(launch: Launch) -> None:
    engine = launch([CHAIN], Script())
    engine.close()

    with pytest.raises(Transient):
        engine.start("chain", "c", {})


def test_executions_of_another_interpreter_are_not_gone_on_with(
    launch: Launch, database: str
) -> None:
    script = Script({"t": [Ignore()]})
    engine = launch([WAITING], script)
    engine.start("waiting", "old", {})
    first_token(script)
    engine.close()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE workflows.executions SET protocol = '0'")

    with pytest.raises(ProtocolMismatch, match="1 executions began under another version"):
        launch([WAITING], Script())

    following = launch([WAITING], Script(), settings=EngineSettings(end_other_protocols=True))
    assert ended(following, "old").status is ExecutionStatus.ABORTED


def test_retention_forgets_what_ended_long_ago_and_nothing_else(
    launch: Launch, database: str
) -> None:
    script = Script({"t": [Ignore()]})
    engine = launch([CHAIN, WAITING], script)
    for name in ("old", "recent"):
        engine.start("chain", name, {})
        ended(engine, name)
    engine.start("waiting", "running", {})
    first_token(script)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "UPDATE workflows.executions SET started_at = started_at - interval '31 days',"
            " ended_at = ended_at - interval '31 days' WHERE name <> 'recent'"
        )

        assert engine.delete_ended(timedelta(days=30)) == 1

        logged = connection.execute(
            "SELECT workflow_uuid FROM workflows_log.workflow_status ORDER BY 1"
        ).fetchall()
    assert engine.describe("old") is None
    assert engine.describe("recent") is not None
    assert engine.describe("running") is not None
    assert [name for (name,) in logged] == ["recent", "running"]


def test_a_function_that_raises_is_named_by_its_class_with_the_cause_of_lambda(
    launch: Launch,
) -> None:
    script = Script({"a": [Raise("BuildFailed", "npm ci exited with 1")]})
    engine = launch([CHAIN], script)
    engine.start("chain", "c", {})

    execution = ended(engine, "c")

    assert execution.error == "BuildFailed"
    assert execution.cause is not None
    assert '"errorMessage": "npm ci exited with 1"' in execution.cause
    assert '"errorType": "BuildFailed"' in execution.cause


@pytest.mark.parametrize(
    ("value", "error"),
    [({"set": {1}}, "Runtime.MarshalError"), ({"x": "y" * 300_000}, "States.DataLimitExceeded")],
)
def test_a_function_that_returns_what_cannot_pass_fails(
    launch: Launch, value: Any, error: str
) -> None:
    engine = launch([CHAIN], Script({"a": [Return(value)]}))
    engine.start("chain", "c", {})

    assert ended(engine, "c").error == error


def test_a_wait_lets_its_seconds_pass(launch: Launch) -> None:
    engine = launch([machine("pausing", {"W": wait(1), "A": task("a")})], Script())
    engine.start("pausing", "p", {})

    execution = engine.describe("p")
    assert execution is not None
    assert execution.status is ExecutionStatus.RUNNING
    assert ended(engine, "p", 5).status is ExecutionStatus.SUCCEEDED

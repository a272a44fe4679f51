"""Task tokens, heartbeats and timeouts."""

import threading
from typing import Any

import pytest

from shared.domain.errors import TokenExpired
from shared.ports.workflows import ExecutionStatus
from tests.workflows.conftest import Launch
from tests.workflows.deadlines import ended, eventually
from tests.workflows.engine_cases import CHAIN, WAITING, first_token, tokens
from tests.workflows.machines import (
    catch,
    failed,
    machine,
    nested,
    queue_task,
    retry,
    task,
    token_task,
)
from tests.workflows.script import Answer, Do, Ignore, Raise, Script

pytestmark = pytest.mark.postgres


def test_a_token_takes_one_answer(launch: Launch) -> None:
    script = Script({"t": [Ignore()]})
    engine = launch([WAITING], script)
    engine.start("waiting", "w", {})
    token = first_token(script)

    engine.heartbeat(token)
    engine.succeed(token, {"image": "sha256:1"})

    for answer in (
        lambda: engine.succeed(token, {}),
        lambda: engine.fail(token, "Late", "too late"),
        lambda: engine.heartbeat(token),
    ):
        with pytest.raises(TokenExpired):
            answer()
    assert ended(engine, "w").status is ExecutionStatus.SUCCEEDED
    assert script.payloads[-1] == {"image": "sha256:1"}


def test_a_token_nobody_gave_out_is_expired(launch: Launch) -> None:
    engine = launch([WAITING], Script())

    with pytest.raises(TokenExpired):
        engine.succeed("never-given", {})


def test_a_function_may_answer_its_own_token_before_it_returns(launch: Launch) -> None:
    script = Script({"t": [Answer({"lease": 7})]})
    engine = launch([WAITING], script)

    engine.start("waiting", "w", {})

    assert ended(engine, "w").status is ExecutionStatus.SUCCEEDED
    assert script.calls == ["t", "after"]
    assert script.payloads[-1] == {"lease": 7}


def test_an_answer_counts_even_if_the_function_fails_after_giving_it(launch: Launch) -> None:
    script = Script()
    engine = launch([WAITING], script)

    def answer_and_fail(payload: dict[str, Any]) -> None:
        engine.succeed(payload["task_token"], {"kept": True})
        raise ValueError("after the answer")

    script.plan = {"t": [Do(answer_and_fail)]}
    engine.start("waiting", "w", {})

    assert ended(engine, "w").status is ExecutionStatus.SUCCEEDED
    assert script.payloads[-1] == {"kept": True}


def test_the_token_of_a_failed_attempt_is_dead(launch: Launch) -> None:
    script = Script({"t": [Raise("Transient"), Answer()]})
    machine_ = machine("waiting", {"T": token_task("t", Retry=retry("Transient"))})
    engine = launch([machine_], script)

    engine.start("waiting", "w", {})
    ended(engine, "w")

    first, second = tokens(script)
    assert first != second
    with pytest.raises(TokenExpired):
        engine.succeed(first, {})


def test_a_missing_heartbeat_fails_the_state(launch: Launch) -> None:
    script = Script({"t": [Ignore()]})
    states = {
        "T": token_task("t", heartbeat=1, timeout=30, Catch=catch("Failed")),
        "Done": {"Type": "Succeed"},
        "Failed": failed(),
    }
    engine = launch([machine("beats", states)], script)
    engine.start("beats", "b", {})

    execution = ended(engine, "b", 6)

    assert execution.error == "States.HeartbeatTimeout"
    with pytest.raises(TokenExpired):
        engine.heartbeat(first_token(script))


def test_heartbeats_keep_a_state_alive_up_to_its_timeout(launch: Launch) -> None:
    script = Script({"t": [Ignore()]})
    states = {"T": token_task("t", heartbeat=1, timeout=3)}
    engine = launch([machine("beats", states)], script)
    engine.start("beats", "b", {})
    token = first_token(script)
    beats = 0

    def beat_until_ended() -> bool:
        nonlocal beats
        try:
            engine.heartbeat(token)
            beats += 1
        except TokenExpired:
            return True
        return False

    eventually(beat_until_ended, "the token expires", 8)

    assert ended(engine, "b").error == "States.Timeout"
    assert beats > 3


def test_a_task_over_its_timeout_fails_and_can_be_caught(launch: Launch) -> None:
    let_go = threading.Event()
    states = {
        "A": task("a", TimeoutSeconds=1, Catch=catch("Failed", "States.Timeout")),
        "Done": {"Type": "Succeed"},
        "Failed": failed(),
    }
    script = Script({"a": [Do(lambda _: let_go.wait(20))]})
    engine = launch([machine("slow", states)], script)
    engine.start("slow", "s", {})

    assert ended(engine, "s", 5).error == "States.Timeout"
    let_go.set()


def test_a_machine_over_its_timeout_ends_timed_out_past_every_catch(launch: Launch) -> None:
    script = Script({"t": [Ignore()]})
    inner = machine("inner", {"T": token_task("t")})
    outer = machine(
        "outer",
        {"N": nested("inner", Catch=catch("F")), "S": {"Type": "Succeed"}, "F": failed()},
        timeout=2,
    )
    engine = launch([outer, inner], script)
    engine.start("outer", "o", {})

    execution = ended(engine, "o", 6)

    assert (execution.status, execution.error) == (ExecutionStatus.TIMED_OUT, "States.Timeout")
    assert ended(engine, "o-nested", 2).status is ExecutionStatus.ABORTED


def test_a_nested_execution_that_outlives_its_state_is_aborted(launch: Launch) -> None:
    script = Script({"t": [Ignore()]})
    inner = machine("inner", {"T": token_task("t")})
    outer = machine("outer", {"N": nested("inner", TimeoutSeconds=1)})
    engine = launch([outer, inner], script)
    engine.start("outer", "o", {})

    assert ended(engine, "o", 6).error == "States.Timeout"
    assert ended(engine, "o-nested", 2).status is ExecutionStatus.ABORTED


def test_a_nested_name_that_is_taken_fails_the_state(launch: Launch) -> None:
    engine = launch([CHAIN, machine("outer", {"N": nested("chain")})], Script())
    engine.start("chain", "o-nested", {})
    ended(engine, "o-nested")

    engine.start("outer", "o", {})

    assert ended(engine, "o").error == "StepFunctions.ExecutionAlreadyExistsException"


def test_a_message_on_a_queue_carries_the_token(launch: Launch) -> None:
    sent: list[tuple[str, Any]] = []
    script = Script()
    engine = launch(
        [machine("queued", {"Q": queue_task("https://queue/builds")})],
        script,
        lambda queue, body: sent.append((queue, body)),
    )
    engine.start("queued", "q", {})
    [(queue, body)] = eventually(lambda: list(sent), "the message is sent")

    engine.succeed(body["task_token"], {"done": True})

    assert queue == "https://queue/builds"
    assert ended(engine, "q").output == {"done": True}

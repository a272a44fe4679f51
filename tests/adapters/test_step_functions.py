"""Step Functions behind the port, on an emulator; what that cannot say is stubbed."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.stub import Stubber

from shared.adapters.step_functions import CLIENT_CONFIG, StepFunctions
from shared.domain.errors import Invalid, NotFound, PlatformError, TokenExpired, Transient
from shared.ports.workflows import ExecutionStatus
from tests.workflows.deadlines import ended, eventually
from tests.workflows.machines import document, task, token_task
from tests.workflows.ministack import MiniStack, ministack
from tests.workflows.script import Ignore, Raise, Return, Script

__all__ = ["ministack"]

MACHINES = {
    "sf-chain": document({"A": task("sf-a")}),
    "sf-waiting": document({"T": token_task("sf-t")}),
}


@pytest.fixture
def workflows(ministack: MiniStack) -> StepFunctions:
    ministack.create(MACHINES, ["sf-a", "sf-t"])
    ministack.invoke = Script({"sf-a": [Return({"n": 1})], "sf-t": [Ignore()]})
    return ministack.workflows(MACHINES)


@pytest.fixture
def name() -> str:
    return str(uuid4())


def test_an_execution_runs_once_however_often_it_is_started(
    ministack: MiniStack, workflows: StepFunctions, name: str
) -> None:
    script = Script({"sf-a": [Return({"n": 1})]})
    ministack.invoke = script

    workflows.start("sf-chain", name, {"x": 1})
    workflows.start("sf-chain", name, {"x": 1})

    execution = ended(workflows, name)
    assert (execution.status, execution.machine) == (ExecutionStatus.SUCCEEDED, "sf-chain")
    assert execution.output == {"StatusCode": 200, "Payload": {"n": 1}}
    assert script.calls == ["sf-a"]


def test_a_failure_has_its_error_and_cause(
    ministack: MiniStack, workflows: StepFunctions, name: str
) -> None:
    ministack.invoke = Script({"sf-a": [Raise("BuildFailed", "no luck")]})

    workflows.start("sf-chain", name, {})

    execution = ended(workflows, name)
    assert (execution.status, execution.error) == (ExecutionStatus.FAILED, "BuildFailed")
    assert execution.output is None
    assert "no luck" in str(execution.cause)


def test_a_token_is_answered_once(
    ministack: MiniStack, workflows: StepFunctions, name: str
) -> None:
    script = Script({"sf-t": [Ignore()]})
    ministack.invoke = script
    workflows.start("sf-waiting", name, {})
    token = eventually(lambda: script.payloads, "the token arrives")[0]["task_token"]

    workflows.heartbeat(token)
    workflows.succeed(token, {"done": True})

    assert ended(workflows, name).output == {"done": True}
    with pytest.raises(TokenExpired):
        workflows.succeed(token, {})
    with pytest.raises(TokenExpired):
        workflows.fail(token, "Late", "too late")
    with pytest.raises(TokenExpired):
        workflows.heartbeat(token)


def test_a_refused_token_fails_the_state(
    ministack: MiniStack, workflows: StepFunctions, name: str
) -> None:
    script = Script({"sf-t": [Ignore()]})
    ministack.invoke = script
    workflows.start("sf-waiting", name, {})
    token = eventually(lambda: script.payloads, "the token arrives")[0]["task_token"]

    workflows.fail(token, "Cancelled", "by hand")

    execution = ended(workflows, name)
    assert (execution.error, execution.cause) == ("Cancelled", "by hand")


def test_a_stopped_execution_is_aborted_and_stopping_twice_is_stopping_once(
    workflows: StepFunctions, name: str
) -> None:
    workflows.start("sf-waiting", name, {})

    workflows.stop(name, "Cancelled", "by hand")
    workflows.stop(name, "Cancelled", "again")

    assert ended(workflows, name).status is ExecutionStatus.ABORTED


def test_what_never_was_is_not_found(workflows: StepFunctions, name: str) -> None:
    assert workflows.describe(name) is None
    with pytest.raises(NotFound):
        workflows.stop(name, "Cancelled", "no such thing")
    with pytest.raises(NotFound):
        workflows.start("sf-unknown", name, {})


@pytest.fixture
def stubbed() -> Iterator[tuple[StepFunctions, Stubber]]:
    client: Any = boto3.client(
        "stepfunctions",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CLIENT_CONFIG,
    )
    with Stubber(client) as stubber:
        yield StepFunctions(client, {"m": "arn:aws:states:us-east-1:1:stateMachine:m"}), stubber


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("InvalidName", Invalid),
        ("InvalidExecutionInput", Invalid),
        ("StateMachineDeleting", NotFound),
        ("ThrottlingException", Transient),
        ("ExecutionLimitExceeded", Transient),
        ("ServiceUnavailable", Transient),
    ],
)
def test_errors_of_aws_become_the_platforms(
    stubbed: tuple[StepFunctions, Stubber], code: str, error: type[PlatformError]
) -> None:
    workflows, stubber = stubbed
    for _ in range(3):
        stubber.add_client_error("start_execution", code, "as stubbed")

    with pytest.raises(error, match="as stubbed"):
        workflows.start("m", "x", {})


def test_nobody_listening_is_transient() -> None:
    client: Any = boto3.client(
        "stepfunctions",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CLIENT_CONFIG,
    )
    workflows = StepFunctions(client, {"m": "arn:aws:states:us-east-1:1:stateMachine:m"})

    with pytest.raises(Transient, match="does not answer"):
        workflows.start("m", "x", {})

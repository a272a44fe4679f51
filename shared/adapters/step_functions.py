"""The workflows' port on AWS Step Functions."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.aws import client
from shared.adapters.executions import execution_arn
from shared.domain.errors import Invalid, NotFound, PlatformError, TokenExpired, Transient
from shared.ports.workflows import JSON, Execution, ExecutionStatus

CLIENT_CONFIG: Final = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"total_max_attempts": 3, "mode": "standard"},
)
"""Deadlines: at most 40 s for a call, all retries counted."""

_ERRORS: Final[dict[str, type[PlatformError]]] = {
    "StateMachineDoesNotExist": NotFound,
    "StateMachineDeleting": NotFound,
    "ExecutionDoesNotExist": NotFound,
    "InvalidName": Invalid,
    "InvalidArn": Invalid,
    "InvalidExecutionInput": Invalid,
    "InvalidOutput": Invalid,
    "ValidationException": Invalid,
    "TaskDoesNotExist": TokenExpired,
    "TaskTimedOut": TokenExpired,
    "InvalidToken": TokenExpired,
}
"""Codes the port has a name for; every other one is Transient: throttling, limits, outages."""

_ERROR_LENGTH: Final = 256
_CAUSE_LENGTH: Final = 32768


class StepFunctions:
    """Takes a boto3 client of `stepfunctions` and the ARN of each machine by its name.

    The ARN may be that of an alias: executions then finish on the version it led to.
    """

    def __init__(self, client: Any, arns: Mapping[str, str]) -> None:
        self._client = client
        self._arns = arns

    def start(self, machine: str, execution: str, payload: Mapping[str, JSON]) -> None:
        arn = self._arns.get(machine)
        if arn is None:
            raise NotFound(f"there is no state machine {machine}")
        with _translated(but="ExecutionAlreadyExists"):
            self._client.start_execution(
                stateMachineArn=arn, name=execution, input=json.dumps(payload)
            )

    def stop(self, execution: str, error: str, reason: str) -> None:
        found = self._find(execution)
        if found is None:
            raise NotFound(f"there is no execution {execution}")
        if found["status"] != "RUNNING":
            return
        with _translated(but="ValidationException"):
            self._client.stop_execution(
                executionArn=found["executionArn"],
                error=error[:_ERROR_LENGTH],
                cause=reason[:_CAUSE_LENGTH],
            )

    def describe(self, execution: str) -> Execution | None:
        found = self._find(execution)
        if found is None:
            return None
        status = ExecutionStatus(_status(found["status"]))
        succeeded = status is ExecutionStatus.SUCCEEDED
        return Execution(
            execution,
            found["machine"],
            status,
            found.get("error"),
            found.get("cause"),
            json.loads(found["output"]) if succeeded else None,
        )

    def succeed(self, token: str, output: JSON) -> None:
        with _translated():
            self._client.send_task_success(taskToken=token, output=json.dumps(output))

    def fail(self, token: str, error: str, reason: str) -> None:
        with _translated():
            self._client.send_task_failure(
                taskToken=token, error=error[:_ERROR_LENGTH], cause=reason[:_CAUSE_LENGTH]
            )

    def heartbeat(self, token: str) -> None:
        with _translated():
            self._client.send_task_heartbeat(taskToken=token)

    def _find(self, execution: str) -> dict[str, Any] | None:
        """An execution's ARN holds its machine, its name does not: each machine is asked."""
        for machine, arn in self._arns.items():
            try:
                with _translated():
                    found = self._client.describe_execution(
                        executionArn=execution_arn(arn, execution)
                    )
            except NotFound:
                continue
            return {**found, "machine": machine}
        return None


def _status(name: str) -> str:
    return "running" if name == "PENDING_REDRIVE" else name.lower()


@contextmanager
def _translated(*, but: str | None = None) -> Iterator[None]:
    """AWS's errors as the platform's; the code `but` is none."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == but:
            return
        message = error.response["Error"].get("Message", code)
        raise _ERRORS.get(code, Transient)(f"Step Functions: {message}") from error
    except BotoCoreError as error:
        raise Transient(f"Step Functions does not answer: {error}") from error


def step_functions(arns: str, endpoint_url: str | None) -> StepFunctions:
    """By `{"machine": ARN}` as JSON."""
    made = client("stepfunctions", endpoint_url, CLIENT_CONFIG)
    return StepFunctions(made, json.loads(arns or "{}"))

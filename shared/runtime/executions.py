"""The one place an event of Step Functions meets Lambda: an execution has ended."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from shared.observing.fields import note
from shared.observing.invocations import observed
from shared.observing.lines import Log
from shared.ports.workflows import Execution, ExecutionStatus

log = Log(__name__)
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
_QUALIFIED: Final = 7
"""Parts of a state machine's ARN; one more is its version or alias."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An execution of a deployment that has ended, and how."""

    organization_id: UUID
    deployment_id: UUID
    execution: Execution


def ended(take: Callable[[Ended], dict[str, Any]]) -> Handler:
    """A handler of `Step Functions Execution Status Change`.

    What fails is tried again twice by Lambda, then it is a dead letter; the schedule that
    reconciles finds the same a minute later.
    """

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        found = read(event)
        if found is None:
            return {"ended": False}
        note(deployment_id=str(found.deployment_id), execution=found.execution.name)
        done = take(found)
        log.info("execution ended", status=found.execution.status.value, **done)
        return done

    return handler


def read(event: Mapping[str, Any]) -> Ended | None:
    """None for an execution of something else: only those of deployments carry their ids."""
    detail = event["detail"]
    try:
        given = json.loads(detail.get("input") or "{}")
        ids = UUID(given["organization_id"]), UUID(given["deployment_id"])
    except (ValueError, KeyError, TypeError):
        return None
    execution = Execution(
        name=detail["name"],
        machine=detail["stateMachineArn"].split(":")[_QUALIFIED - 1],
        status=ExecutionStatus(detail["status"].lower()),
        error=detail.get("error"),
        cause=detail.get("cause"),
    )
    return Ended(*ids, execution)

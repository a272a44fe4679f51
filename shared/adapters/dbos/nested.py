"""A nested execution as the state that started it sees it: the shape of DescribeExecution."""

import json
import re
import uuid
from typing import Final

from shared.adapters.asl.outcomes import TASK_FAILED, Failure, Outcome, Result
from shared.ports.workflows import JSON, Execution, ExecutionStatus

NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
"""What an execution may be called."""

_NAMESPACE: Final = uuid.UUID("6f0f4f6e-52b5-4c8e-9a0b-1b0e6d0f7a11")


def nested_name(parent: str, step: int) -> str:
    """The name of a nested execution that was given none; the same on every replay."""
    return str(uuid.uuid5(_NAMESPACE, f"{parent}/{step}"))


def nested_outcome(ended: Execution, payload: JSON, started: float, stopped: float) -> Outcome:
    """What `startExecution.sync:2` gives: Input and Output as JSON, or States.TaskFailed."""
    description: dict[str, JSON] = {
        "ExecutionArn": ended.name,
        "Input": payload,
        "InputDetails": {"Included": True},
        "Name": ended.name,
        "StartDate": int(started * 1000),
        "StateMachineArn": ended.machine,
        "Status": ended.status.upper(),
        "StopDate": int(stopped * 1000),
    }
    if ended.status is ExecutionStatus.SUCCEEDED:
        details: JSON = {"Included": True}
        return Result({**description, "Output": ended.output, "OutputDetails": details})
    description["Input"] = json.dumps(payload)
    for key, value in (("Error", ended.error), ("Cause", ended.cause)):
        if value is not None:
            description[key] = value
    return Failure(TASK_FAILED, json.dumps(description, sort_keys=True))

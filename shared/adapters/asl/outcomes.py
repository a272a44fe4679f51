"""How a task attempt came out, and which names match an error."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from shared.ports.workflows import JSON

TIMEOUT: Final = "States.Timeout"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
TASK_FAILED: Final = "States.TaskFailed"
RUNTIME: Final = "States.Runtime"
QUERY_FAILED: Final = "States.QueryEvaluationError"
TOO_LARGE: Final = "States.DataLimitExceeded"
NO_CHOICE: Final = "States.NoChoiceMatched"
ALL: Final = "States.ALL"

_TIMEOUTS: Final = frozenset({TIMEOUT, HEARTBEAT_TIMEOUT})
_TERMINAL: Final = frozenset({RUNTIME, TOO_LARGE})
"""Errors no wildcard catches."""


@dataclass(frozen=True, slots=True)
class Result:
    value: JSON


@dataclass(frozen=True, slots=True)
class Failure:
    error: str
    cause: str

    @property
    def output(self) -> dict[str, JSON]:
        """`$states.errorOutput`."""
        return {"Error": self.error, "Cause": self.cause}


Outcome: TypeAlias = Result | Failure


def to_json(outcome: Outcome) -> dict[str, JSON]:
    if isinstance(outcome, Failure):
        return {"error": outcome.error, "cause": outcome.cause}
    return {"result": outcome.value}


def from_json(raw: dict[str, JSON]) -> Outcome:
    if "error" in raw:
        return Failure(str(raw["error"]), str(raw["cause"]))
    return Result(raw["result"])


def matches(names: Sequence[str], error: str) -> bool:
    """Whether a retrier's or catcher's ErrorEquals takes `error`.

    A missed heartbeat is also a States.Timeout, as the language defines that name.
    """
    if error in names:
        return True
    if error in _TERMINAL:
        return False
    if ALL in names or (TIMEOUT in names and error == HEARTBEAT_TIMEOUT):
        return True
    return TASK_FAILED in names and error not in _TIMEOUTS

"""Durable executions of the state machines in `infra/workflows`."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, TypeAlias

JSON: TypeAlias = bool | int | float | str | list["JSON"] | dict[str, "JSON"] | None


class ExecutionStatus(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    ABORTED = "aborted"


ENDED: Final = frozenset(ExecutionStatus) - {ExecutionStatus.RUNNING}


@dataclass(frozen=True, slots=True)
class Execution:
    """One run of a machine.

    `error` is a class name or a `States.…` name, `cause` what the engine knows about it (for a
    failed function the JSON of its error); both None unless it failed, timed out or was aborted.
    """

    name: str
    machine: str
    status: ExecutionStatus
    error: str | None = None
    cause: str | None = None
    output: JSON = None


class Workflows(Protocol):
    """Starts, answers and ends executions. Every call raises Transient when the engine is away."""

    def start(self, machine: str, execution: str, payload: Mapping[str, JSON]) -> None:
        """Start `machine` under a name that is unique for ever: twice is once.

        A second start changes nothing, whatever its payload. Raises NotFound for an unknown
        machine and Invalid for a name no engine takes (1 to 80 of letters, digits, `-`, `_`).
        """

    def stop(self, execution: str, error: str, reason: str) -> None:
        """End it and what it started, as `aborted`; no state of it begins after this returned.

        What has ended stays as it is. Raises NotFound.
        """

    def describe(self, execution: str) -> Execution | None:
        """Where it stands, or None if it never was or retention removed it."""

    def succeed(self, token: str, output: JSON) -> None:
        """Answer the state waiting on `token`. Raises TokenExpired if it no longer waits."""

    def fail(self, token: str, error: str, reason: str) -> None:
        """Fail the state waiting on `token`: `error` is the name its Catch sees.

        Raises TokenExpired if it no longer waits.
        """

    def heartbeat(self, token: str) -> None:
        """Say that work for `token` goes on. Raises TokenExpired if nobody waits for it."""

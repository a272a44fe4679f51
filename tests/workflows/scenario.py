"""What a scenario is, and why some cannot run on the emulator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.ports.workflows import JSON, ExecutionStatus
from tests.workflows.machines import State, document, failed
from tests.workflows.script import Act, Return

SUCCEEDED, FAILED = ExecutionStatus.SUCCEEDED, ExecutionStatus.FAILED
TIMED_OUT = ExecutionStatus.TIMED_OUT


@dataclass(frozen=True)
class Scenario:
    """One execution of the first machine, its functions scripted, and its expected end.

    `ministack` says why MiniStack cannot run it; `ministack_error` is the error it ends with
    where it is known to name another.
    """

    name: str
    machines: Mapping[str, Mapping[str, Any]]
    calls: Sequence[str]
    status: ExecutionStatus = SUCCEEDED
    error: str | None = None
    output: JSON = None
    plan: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    payload: Mapping[str, JSON] = field(default_factory=dict)
    default: Act = field(default_factory=Return)
    ministack: str | None = None
    ministack_error: str | None = None


def one(
    name: str,
    states: Mapping[str, State],
    calls: Sequence[str] = (),
    *,
    timeout: int = 300,
    others: Mapping[str, Mapping[str, State]] | None = None,
    **more: Any,
) -> Scenario:
    machines = {"m": document(states, timeout=timeout)}
    for other, inner in (others or {}).items():
        machines[other] = document(inner)
    return Scenario(name, machines, calls, **more)


def passing(output: JSON, **more: Any) -> dict[str, State]:
    return {"P": {"Type": "Pass", "Output": output, **more}}


DONE: State = {"Type": "Succeed"}
CAUGHT: dict[str, State] = {"Done": DONE, "Failed": failed()}

NO_HEARTBEATS = "MiniStack ignores HeartbeatSeconds: the state waits for its TimeoutSeconds"
NO_MACHINE_TIMEOUT = "MiniStack ignores a machine's TimeoutSeconds"
SUBMIT_ERRORS_LOST = (
    "MiniStack drops the error of a function that hands out a token, and waits for the answer"
)
ASSIGN_IN_ORDER = "MiniStack lets an Assign see the variables that the same Assign sets"
CHOICE_TRUTHY = "MiniStack takes any truthy value for a condition's true"

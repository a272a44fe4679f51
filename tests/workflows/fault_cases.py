"""Where something goes wrong: each state of each machine, once by failing, once by silence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared import machines
from shared.adapters.local_lambda import substitution

NAMES: Final = {substitution(name): name for name in machines.FUNCTIONS}
AT_AN_AGENT: Final = frozenset(
    {
        "deploy.build",
        "deploy.drain",
        "release.pre_deploy_command",
        "release.health_gate",
        "release.switch_route",
        "release.verify_public",
        "compensate.restore_route",
    }
)
AFTER_LIVE: Final = ("deploy.post_status", "deploy.drain", "deploy.retire_old")
LIVES: Final = frozenset({"deploy.mark_live", *AFTER_LIVE})
"""What these do stands, whatever comes after: the first has made the new version the one."""
UNDOING: Final = ("compensate.restore_route", "compensate.undo", "deploy.mark_failed")
GIVES_UP: Final = "compensate.give_up"
RELEASING: Final = tuple(name for name in machines.FUNCTIONS if name.startswith("release."))
STATES: Final[Mapping[str, Sequence[str]]] = {
    "deploy": (
        *("deploy.acquire_lease", "deploy.build", "deploy.create_release"),
        *RELEASING,
        *("deploy.mark_live", *AFTER_LIVE, *UNDOING, GIVES_UP),
    ),
    "rollback": (
        *("deploy.acquire_lease", "rollback.create_release"),
        *(name for name in RELEASING if name != "release.pre_deploy_command"),
        *("deploy.mark_live", *AFTER_LIVE, *UNDOING, GIVES_UP),
    ),
}
"""The functions that each machine may come to; rollbacks run no command before the release."""


class Fault(StrEnum):
    FAILURE = "failure"
    TIMEOUT = "timeout"


@dataclass(frozen=True)
class Case:
    """`function` does its work, and then fails or says nothing, each time it is called."""

    machine: str
    function: str
    fault: Fault

    @property
    def name(self) -> str:
        return f"{self.machine}-{self.function}-{self.fault}"

    def hits(self, function: str) -> bool:
        """What undoes is called after something else has failed; what gives up, after that."""
        if self.function == GIVES_UP and function == "compensate.undo":
            return True
        first = self.function in {*UNDOING, GIVES_UP} and function == "release.health_gate"
        return first or function == self.function


CASES: Final = [
    Case(machine, function, fault)
    for fault in Fault
    for machine, functions in STATES.items()
    for function in functions
]

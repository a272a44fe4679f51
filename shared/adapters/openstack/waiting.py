"""Waits: polls with a deadline. Only a 404 of the service itself means that something is gone."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TypeVar

from shared.domain.errors import NotFound, Transient

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Waits:
    """How to wait: `every` seconds between polls, by a clock and a sleep that tests replace."""

    every: float = 1.0
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep

    def until(
        self,
        what: str,
        probe: Callable[[], T],
        done: Callable[[T], bool],
        *,
        seconds: float,
    ) -> T:
        """What `probe` returns once that is `done`; it may raise to end the wait.

        A probe that raises Transient is asked again, later where it says so. Raises Transient
        when `seconds` are over.
        """
        deadline = self.clock() + seconds
        while True:
            pause, last = self.every, "it has not got there"
            try:
                found = probe()
            except Transient as error:
                pause, last = max(self.every, float(error.retry_after or 0)), error.reason
            else:
                if done(found):
                    return found
            left = deadline - self.clock()
            if left <= 0:
                raise Transient(f"{what}: not within {seconds:g} s: {last}")
            self.sleep(min(pause, left))

    def gone(self, what: str, probe: Callable[[], object], *, seconds: float) -> None:
        """Return when `probe` raises NotFound; whatever state it is in until then. Raises
        Transient when `seconds` are over."""

        def is_gone() -> bool:
            try:
                probe()
            except NotFound:
                return True
            return False

        self.until(f"{what} is to go", is_gone, bool, seconds=seconds)

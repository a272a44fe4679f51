"""The executions this process drives right now, and how each is interrupted."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from shared.domain.errors import Transient

T = TypeVar("T")

_RECHECK_SECONDS: Final = 60.0
"""A waiting execution looks again this often even if nothing woke it: a net, not the way."""

_BACKOFF_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0)


class Interrupt(BaseException):
    """Leaves the interpreter from anywhere. Not an Exception: a step does not record it."""


class Closing(Interrupt):
    """The process ends; the execution goes on in the next one."""


class Aborted(Interrupt):
    """The execution has been ended from outside."""


class BrokenOff(Interrupt):
    """The database failed in the middle; the execution is driven again, from its last step."""


class MachineTimedOut(Interrupt):
    """The machine's own TimeoutSeconds are over."""


class Run:
    """One execution being driven: its wake-up and its reasons to stop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wake = threading.Event()
        self.aborted = False
        self.closing = False
        self.halted = False
        self.deadline = float("inf")

    def arm(self, *, finishing: bool = False) -> None:
        """Before looking whether a wait is over: a wake-up from here on is not missed.

        Raises an Interrupt as `check` does.
        """
        self.wake.clear()
        self.check(finishing=finishing)

    def check(self, *, finishing: bool = False) -> None:
        """Raises an Interrupt when there is a reason to stop.

        `finishing` grants a function that runs while the process closes the time to end.
        """
        if self.aborted:
            raise Aborted
        if self.halted or (self.closing and not finishing):
            raise Closing
        if time.monotonic() >= self.deadline:
            raise MachineTimedOut

    def wait(self, seconds: float) -> None:
        """Until woken, or `seconds` passed, or the deadline has."""
        until_deadline = self.deadline - time.monotonic()
        self.wake.wait(max(0.0, min(seconds, until_deadline, _RECHECK_SECONDS)))

    def persist(self, call: Callable[[], T]) -> T:
        """`call` again and again while the database is away. Raises an Interrupt."""
        attempt = 0
        while True:
            try:
                return call()
            except Transient:
                self.arm(finishing=True)
                self.wait(_BACKOFF_SECONDS[min(attempt, len(_BACKOFF_SECONDS) - 1)])
                attempt += 1


class Runs:
    """Every Run of the process, by name."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._changed = threading.Condition()
        self._closing = False

    @contextmanager
    def entered(self, name: str) -> Iterator[Run]:
        run = Run(name)
        with self._changed:
            run.closing = self._closing
            self._runs[name] = run
        try:
            yield run
        finally:
            with self._changed:
                if self._runs.get(name) is run:
                    del self._runs[name]
                self._changed.notify_all()

    def __contains__(self, name: str) -> bool:
        with self._changed:
            return name in self._runs

    def wake(self, name: str) -> None:
        with self._changed:
            run = self._runs.get(name)
        if run is not None:
            run.wake.set()

    def abort(self, name: str) -> None:
        with self._changed:
            run = self._runs.get(name)
        if run is not None:
            run.aborted = True
            run.wake.set()

    def names(self) -> list[str]:
        return [run.name for run in self._all()]

    def close(self, grace: float) -> None:
        """Interrupt everything: waits at once, running functions after `grace` seconds."""
        with self._changed:
            self._closing = True
        for run in self._all():
            run.closing = True
            run.wake.set()
        if self._gone(grace):
            return
        for run in self._all():
            run.halted = True
            run.wake.set()
        self._gone(5.0)

    def _gone(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._runs, seconds)

    def _all(self) -> list[Run]:
        with self._changed:
            return list(self._runs.values())

"""Whether this agent has had work lately: what follows usually follows soon."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

ACTIVE_SECONDS: Final = 60.0
QUICK_SECONDS: Final = 2.0
STANDING: Final = frozenset({"watch"})
"""Kinds of job that never end, and are no sign of work."""


class Activity:
    """Notes when jobs begin and end; between the two, however long, nothing follows.

    Safe to use from several threads.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = clock()

    @contextmanager
    def job(self, kind: str) -> Iterator[None]:
        """Around a job of `kind`; a standing one does not count."""
        if kind in STANDING:
            yield
            return
        self._note()
        try:
            yield
        finally:
            self._note()

    def idle_seconds(self) -> float:
        """Since when no job has begun or ended; the agent's own start counts as one."""
        with self._lock:
            return self._clock() - self._last

    def pace(self, kind: str, told: float) -> float:
        """How often a job of `kind` beats, in seconds, when it was `told` to.

        What the standing watch is to look at changes with jobs: around them it asks more often.
        """
        lively = kind in STANDING and self.idle_seconds() < ACTIVE_SECONDS
        return min(told, QUICK_SECONDS) if lively else told

    def _note(self) -> None:
        with self._lock:
            self._last = self._clock()

"""A circuit breaker: what keeps failing is left alone, but for a probe now and then."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from threading import Lock
from time import monotonic
from typing import Final

from shared.domain.breakers import Breaker, BreakerState
from shared.domain.errors import Transient
from shared.ports.breakers import Breakers

_MOST_SECONDS: Final = 60.0
"""A dependency that asks to be left alone for longer is probed all the same."""


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """It opens at `failures` within `window` seconds when they are at least `share` of the calls.

    One probe per `probe_seconds` goes through while it is open, over all processes; what this
    process knows of the shared row is at most `refresh_seconds` old.
    """

    failures: int = 5
    share: float = 0.5
    window: float = 30.0
    probe_seconds: float = 5.0
    refresh_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Admission:
    """A call that may go on. A probe's outcome decides for everybody."""

    probe: bool


class CircuitBreaker:
    """One dependency's breaker in this process. Safe for threads.

    A store that does not answer changes nothing: this process then goes by what it has seen.
    """

    def __init__(
        self,
        name: str,
        breakers: Breakers,
        policy: BreakerPolicy = BreakerPolicy(),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._name, self._breakers, self._policy, self._clock = name, breakers, policy, clock
        self._lock = Lock()
        self._refreshing = Lock()
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._state = BreakerState.CLOSED
        self._reason: str | None = None
        self._probe_at = 0.0
        self._read_at: float | None = None
        self._changes = 0

    def admit(self) -> Admission:
        """Raises Transient, with the seconds until the next probe, while it is open."""
        self._refresh()
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return Admission(probe=False)
            now = self._clock()
            if now < self._probe_at:
                raise self._refused(self._probe_at - now)
            self._probe_at = now + self._policy.probe_seconds
        if self._claimed():
            return Admission(probe=True)
        self._refresh(at_once=True)
        return self._admit_as_read()

    def _admit_as_read(self) -> Admission:
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return Admission(probe=False)
            raise self._refused(self._probe_at - self._clock())

    def succeeded(self, admission: Admission) -> None:
        """The dependency answered, whatever it said."""
        if not admission.probe:
            self._count(failed=False)
            return
        with self._lock:
            self._outcomes.clear()
            self._state = BreakerState.CLOSED
            self._read_at = self._clock()
            self._changes += 1
        try:
            self._breakers.close(self._name)
        except Transient:
            self._read_at = None  # the row is still open: the next call probes again

    def failed(self, admission: Admission, reason: str, retry_after: float | None = None) -> None:
        """It did not answer, or with what says that it is not well."""
        seconds = max(self._policy.probe_seconds, min(retry_after or 0.0, _MOST_SECONDS))
        if not admission.probe and not self._count(failed=True):
            return
        with self._lock:
            if self._state is not BreakerState.CLOSED and not admission.probe:
                return
            self._state, self._reason = BreakerState.OPEN, reason
            self._probe_at = self._clock() + seconds
            self._outcomes.clear()
            self._changes += 1
            changes = self._changes
        try:
            row = self._breakers.open(self._name, seconds=seconds, reason=reason)
            self._learn(row, changes)
        except Transient:
            return

    def _count(self, *, failed: bool) -> bool:
        """Note an outcome; whether it is one too many."""
        with self._lock:
            now = self._clock()
            self._outcomes.append((now, failed))
            while self._outcomes and self._outcomes[0][0] < now - self._policy.window:
                self._outcomes.popleft()
            bad = sum(1 for _, was_bad in self._outcomes if was_bad)
            enough = bad >= self._policy.failures
            return failed and enough and bad >= self._policy.share * len(self._outcomes)

    def _claimed(self) -> bool:
        try:
            return self._breakers.probe(self._name, seconds=self._policy.probe_seconds)
        except Transient:
            return True

    def _refresh(self, *, at_once: bool = False) -> None:
        """Read the row when it is due; whoever comes meanwhile goes by what is known."""
        if not at_once and self._is_fresh():
            return
        if not self._refreshing.acquire(blocking=at_once):
            return
        try:
            if at_once or not self._is_fresh():
                self._read_at, changes = self._clock(), self._changes
                self._learn(self._breakers.read(self._name), changes)
        except Transient:
            return
        finally:
            self._refreshing.release()

    def _is_fresh(self) -> bool:
        at = self._read_at
        return at is not None and self._clock() - at < self._policy.refresh_seconds

    def _learn(self, row: Breaker, changes: int) -> None:
        """Go by the row, unless something has changed here since it was asked for."""
        with self._lock:
            if changes != self._changes:
                return
            self._read_at = self._clock()
            self._state, self._reason = row.state, row.reason
            if row.state is not BreakerState.CLOSED:
                self._probe_at = self._clock() + row.retry_in
                self._outcomes.clear()

    def _refused(self, seconds: float) -> Transient:
        wait = max(1, ceil(seconds))
        return Transient(
            f"{self._name} does not answer ({self._reason or 'see its log'}): "
            f"it is left alone and asked again in {wait} s",
            retry_after=wait,
        )

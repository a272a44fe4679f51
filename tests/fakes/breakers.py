"""Circuit breakers in memory, shared by whoever holds the object."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from shared.domain.breakers import Breaker, BreakerState
from shared.domain.errors import Transient


@dataclass
class _Row:
    state: BreakerState
    reason: str | None
    probe_at: float


class FakeBreakers:
    """The rows, and how often each call was made. `down` makes every call fail."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._rows: dict[str, _Row] = {}
        self.calls: list[str] = []
        self.down = False

    def read(self, name: str) -> Breaker:
        with self._called("read"):
            return self._breaker(name)

    def open(self, name: str, *, seconds: float, reason: str) -> Breaker:
        with self._called("open"):
            until = self._clock() + seconds
            row = self._rows.get(name)
            if row is not None and row.state is BreakerState.OPEN:
                until = max(until, row.probe_at)
            self._rows[name] = _Row(BreakerState.OPEN, reason, until)
            return self._breaker(name)

    def probe(self, name: str, *, seconds: float) -> bool:
        with self._called("probe"):
            row = self._rows.get(name)
            if row is None or row.state is BreakerState.CLOSED or row.probe_at > self._clock():
                return False
            row.state, row.probe_at = BreakerState.HALF_OPEN, self._clock() + seconds
            return True

    def close(self, name: str) -> Breaker:
        with self._called("close"):
            self._rows.pop(name, None)
            return self._breaker(name)

    def _called(self, call: str) -> Lock:
        self.calls.append(call)
        if self.down:
            raise Transient("the database did not answer in time: try again")
        return self._lock

    def _breaker(self, name: str) -> Breaker:
        row = self._rows.get(name)
        if row is None:
            return Breaker(name, BreakerState.CLOSED)
        return Breaker(name, row.state, max(0.0, row.probe_at - self._clock()), row.reason)

"""Circuit breakers: whether something outside may be called at present."""

from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """CLOSED lets every call through, OPEN none, HALF_OPEN has let one probe through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """One dependency's breaker. `retry_in` is the seconds until the next probe may start, 0 when
    it is closed; `reason` is what opened it."""

    name: str
    state: BreakerState
    retry_in: float = 0.0
    reason: str | None = None

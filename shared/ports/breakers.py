"""Circuit breakers that all processes of the platform share."""

from typing import Protocol

from shared.domain.breakers import Breaker


class Breakers(Protocol):
    """One row per dependency. Each call is a short transaction of its own; time is the store's."""

    def read(self, name: str) -> Breaker:
        """As it is stored; closed when nobody has opened it. Raises Transient."""
        ...

    def open(self, name: str, *, seconds: float, reason: str) -> Breaker:
        """Let nothing through for `seconds`, then one probe at a time.

        One that is open for longer already stays so. Raises Transient.
        """
        ...

    def probe(self, name: str, *, seconds: float) -> bool:
        """Take the one probe that is due now; the next is due in `seconds`.

        False when none is due, another process was faster, or it is closed. Raises Transient.
        """
        ...

    def close(self, name: str) -> Breaker:
        """Let everything through again. Raises Transient."""
        ...

"""Counters that all processes of the platform share."""

from datetime import datetime
from typing import Protocol

from shared.domain.limits import Grant


class Windows(Protocol):
    """Permits per key and window. Each call is a short transaction of its own."""

    def take(self, key: str, *, limit: int, seconds: int, wanted: int) -> Grant:
        """Up to `wanted` permits of the present window, and never more than `limit` in it over
        all callers. Towards the end of a window's permits the grants become small, so that no
        process sits on what another needs. Raises Transient."""

    def prune(self, before: datetime) -> int:
        """Forget keys unused since then; how many."""

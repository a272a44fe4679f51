"""How often somebody may fail: per address and per account, in this process."""

import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final

from shared.domain.errors import RateLimited

PER_ADDRESS, PER_ACCOUNT = 20, 10
SECONDS: Final = 300.0
_MOST_KEPT: Final = 10_000


class Attempts:
    """Remembers failures for five minutes. One machine has one process that signs people in."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._turn = threading.Lock()

    def check(self, address: str, account: str = "") -> None:
        """Raises RateLimited when there were too many failures; say so before anything slow."""
        with self._turn:
            if self._count(address) >= PER_ADDRESS or self._count(f"@{account}") >= PER_ACCOUNT:
                raise RateLimited(
                    f"too many failed attempts: wait {int(SECONDS // 60)} minutes and try again"
                )

    def failed(self, address: str, account: str = "") -> None:
        """One more failure of that address, and of the account if one was named."""
        with self._turn:
            if len(self._failures) > _MOST_KEPT:
                for key in list(self._failures):
                    self._count(key)
            for key in {address, f"@{account}"} if account else {address}:
                self._failures.setdefault(key, deque(maxlen=PER_ADDRESS)).append(self._clock())

    def _count(self, key: str) -> int:
        kept = self._failures.get(key)
        if kept is None:
            return 0
        while kept and self._clock() - kept[0] >= SECONDS:
            kept.popleft()
        if not kept:
            del self._failures[key]
        return len(kept)

"""Waking what waits for a change, when the transaction that made it commits."""

from contextlib import AbstractContextManager
from typing import Protocol


class Subscription(Protocol):
    """Open from before the first look at the state, so no wake-up is lost."""

    async def wait_async(self, timeout: float) -> bool:
        """True when woken, False after `timeout` seconds; then look again either way."""


class Signals(Protocol):
    def subscribe(self, channel: str, key: str) -> AbstractContextManager[Subscription]:
        """Hear what `UnitOfWork.notify(channel, key)` says from now on."""

"""Long polls: look, wait to be woken, look again; no connection is held in between."""

from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from shared.ports.signals import Signals

T = TypeVar("T")


async def until(
    look: Callable[[], T],
    enough: Callable[[T], bool],
    *,
    signals: Signals | None,
    channel: str,
    key: str,
    seconds: float,
) -> T:
    """What `look` sees once it is `enough`, or after `seconds`. Without signals nobody waits."""
    if signals is None or seconds <= 0:
        return await run_in_threadpool(look)
    deadline = monotonic() + seconds
    with signals.subscribe(channel, key) as subscription:
        while True:
            seen = await run_in_threadpool(look)
            left = deadline - monotonic()
            if enough(seen) or left <= 0:
                return seen
            await subscription.wait_async(left)

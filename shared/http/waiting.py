"""Long polls: look, wait to be woken, look again; no connection is held in between."""

from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from shared.ports.signals import Signals

T = TypeVar("T")


def in_thread(look: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    """`look` for `until`, where it waits for the database in a thread."""
    return lambda: run_in_threadpool(look)


async def until(
    look: Callable[[], Awaitable[T]],
    enough: Callable[[T], bool],
    *,
    signals: Signals | None,
    channel: str,
    key: str,
    seconds: float,
) -> T:
    """What `look` sees once it is `enough`, or after `seconds`. Without signals nobody waits."""
    if signals is None or seconds <= 0:
        return await look()
    deadline = monotonic() + seconds
    with signals.subscribe(channel, key) as subscription:
        while True:
            seen = await look()
            left = deadline - monotonic()
            if enough(seen) or left <= 0:
                return seen
            await subscription.wait_async(left)

"""Threads that tell providers something: a silent one holds up only what is meant for it."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from shared.domain.errors import PlatformError
from shared.observing.fields import work
from shared.observing.lines import Log

log = Log(__name__)
THREADS: Final = 8
PER_CONNECTION: Final = 3
"""Less than the threads: two providers that are down leave some for the others."""


@dataclass(frozen=True, slots=True)
class Line:
    """What waits to be told. `claim` takes one that is none of the busy connections'; `send` tells
    it. Both use a transaction of their own: they run in threads."""

    claim: Callable[[Collection[UUID]], Any | None]
    send: Callable[[Any], object]


class Senders:
    """A few threads; each goes on until nothing is due."""

    def __init__(self, threads: int = THREADS, per_connection: int = PER_CONNECTION) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="sender")
        self._free = threading.Semaphore(threads)
        self._lock = threading.Lock()
        self._at_work: Counter[UUID] = Counter()
        self._per_connection = per_connection

    def begin(self, line: Line) -> list[Future[None]]:
        """Put free threads to what is due now, and do not wait for them."""
        begun: list[Future[None]] = []
        while self._free.acquire(blocking=False):
            try:
                claimed = line.claim(self._busy())
            except BaseException:
                self._free.release()
                raise
            if claimed is None:
                self._free.release()
                break
            begun.append(self._pool.submit(self._work, line, claimed, self._taken(claimed)))
        return begun

    def finish(self, line: Line) -> int:
        """Tell everything that is due now, and wait for it; how many threads that took."""
        total = 0
        while begun := self.begin(line):
            wait(begun)
            total += len(begun)
        return total

    def close(self) -> None:
        """Wait for what is being told."""
        self._pool.shutdown()

    def _work(self, line: Line, claimed: Any, connection_id: UUID) -> None:
        try:
            while claimed is not None:
                with self._given_back(connection_id), work(**_ids(claimed)):
                    line.send(claimed)
                claimed = line.claim(self._busy())
                if claimed is not None:
                    connection_id = self._taken(claimed)
        except PlatformError as error:
            log.warning("not told now", error=type(error).__name__, reason=error.reason)
        except Exception:  # a thread's end is a process boundary: nobody asks for its result
            log.exception("telling failed")
        finally:
            self._free.release()

    def _busy(self) -> list[UUID]:
        with self._lock:
            return [key for key, count in self._at_work.items() if count >= self._per_connection]

    def _taken(self, claimed: Any) -> UUID:
        connection_id: UUID = claimed.connection_id
        with self._lock:
            self._at_work[connection_id] += 1
        return connection_id

    @contextmanager
    def _given_back(self, connection_id: UUID) -> Iterator[None]:
        try:
            yield
        finally:
            with self._lock:
                self._at_work[connection_id] -= 1
                if not self._at_work[connection_id]:
                    del self._at_work[connection_id]


def _ids(claimed: Any) -> dict[str, Any]:
    names = ("organization_id", "service_id", "deployment_id")
    return {name: getattr(claimed, name, None) for name in names}


@cache
def senders() -> Senders:
    """Those of this process."""
    return Senders()

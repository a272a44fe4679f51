"""Wakeups from the database: one connection listens, any number of threads and tasks wait.

A wakeup is a hint to look again, never the news itself. Subscribe, check, then wait:

    with listener.subscribe("jobs", key) as wakeup:
        while not check():
            wakeup.wait(deadline)
"""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import psycopg
from psycopg import sql

from shared.adapters.postgres.engine import driver_url

_log = logging.getLogger(__name__)
_POLL_SECONDS: Final = 0.5
_LONGEST_PAUSE_SECONDS: Final = 5.0


class Wakeup:
    """Set when something was announced; waiting takes it back. It serves one thread or task."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._tasks: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def wait(self, timeout: float) -> bool:
        """Block until something is announced; False after `timeout` seconds."""
        woken = self._event.wait(timeout)
        if woken:
            self._event.clear()
        return woken

    async def wait_async(self, timeout: float) -> bool:
        """The same for a coroutine; the event loop goes on meanwhile."""
        loop = asyncio.get_running_loop()
        announced: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._event.is_set():
                self._event.clear()
                return True
            self._tasks.append((loop, announced))
        try:
            async with asyncio.timeout(timeout):
                await announced
        except TimeoutError:
            return False
        finally:
            with self._lock:
                self._tasks = [entry for entry in self._tasks if entry[1] is not announced]
        self._event.clear()
        return True

    def wake(self) -> None:
        with self._lock:
            self._event.set()
            tasks = list(self._tasks)
        for loop, announced in tasks:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, announced)


def _settle(announced: "asyncio.Future[None]") -> None:
    if not announced.done():
        announced.set_result(None)


class Listener:
    """Holds one connection of its own, straight to the server: poolers do not pass LISTEN.

    After a lost connection it comes back by itself and wakes everybody, for what was announced
    in between is unknown.
    """

    def __init__(
        self, database_url: str, channels: Sequence[str], *, connect_seconds: int = 5
    ) -> None:
        url = driver_url(database_url).set(drivername="postgresql")
        self._conninfo = url.render_as_string(hide_password=False)
        self._channels = tuple(channels)
        self._connect_seconds = connect_seconds
        self._lock = threading.Lock()
        self._wakeups: dict[tuple[str, str | None], set[Wakeup]] = defaultdict(set)
        self._stopping = threading.Event()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> Self:
        return self.__enter__()

    def close(self) -> None:
        """Stop listening. Whoever waits is woken."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(self._connect_seconds + 2 * _POLL_SECONDS)
        self._wake_everybody()

    def connected(self, timeout: float) -> bool:
        """Whether it listens, waiting for that up to `timeout` seconds."""
        return self._listening.wait(timeout)

    @contextmanager
    def subscribe(self, channel: str, key: str | None = None) -> Iterator[Wakeup]:
        """Wakeups for payloads equal to `key`, or for any; from here on none is lost."""
        if channel not in self._channels:
            raise ValueError(f"{channel!r} is not one of the channels {self._channels}")
        wakeup = Wakeup()
        with self._lock:
            self._wakeups[channel, key].add(wakeup)
        try:
            yield wakeup
        finally:
            with self._lock:
                self._wakeups[channel, key].discard(wakeup)
                if not self._wakeups[channel, key]:
                    del self._wakeups[channel, key]

    def _run(self) -> None:
        pause = 0.1
        while not self._stopping.is_set():
            try:
                self._listen()
                pause = 0.1
            except psycopg.Error as error:
                pause = 0.1 if self._listening.is_set() else min(pause * 2, _LONGEST_PAUSE_SECONDS)
                _log.warning("lost the connection for wakeups: %s", error)
            finally:
                self._listening.clear()
            self._stopping.wait(pause)

    def _listen(self) -> None:
        with psycopg.connect(
            self._conninfo,
            autocommit=True,
            connect_timeout=self._connect_seconds,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            application_name="click-to-deploy listener",
        ) as connection:
            for channel in self._channels:
                connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            self._listening.set()
            self._wake_everybody()
            while not self._stopping.is_set():
                for notice in connection.notifies(timeout=_POLL_SECONDS):
                    self._wake(notice.channel, notice.payload)
                    if self._stopping.is_set():
                        return

    def _wake(self, channel: str, payload: str) -> None:
        with self._lock:
            found = [
                wakeup
                for key in (payload, None)
                for wakeup in self._wakeups.get((channel, key), ())
            ]
        for wakeup in found:
            wakeup.wake()

    def _wake_everybody(self) -> None:
        with self._lock:
            found = [wakeup for wakeups in self._wakeups.values() for wakeup in wakeups]
        for wakeup in found:
            wakeup.wake()

"""The one connection that makes this process the engine: it holds the lock and listens."""

import logging
import threading
import time
import zlib
from collections.abc import Callable
from typing import Final

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from shared.adapters.dbos.database import SESSION
from shared.adapters.dbos.executions import CHANNEL
from shared.domain.errors import Transient

logger = logging.getLogger(__name__)

LOCK_CLASS: Final = 0x633264
_PROBE_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.2


class EngineBusy(Exception):
    """Another process is the engine of this database."""


class Hold:
    """An advisory lock, held as long as its session lives, and the notifications beside it.

    `on_listening` is called whenever listening begins, also after a lost session was opened
    again. If another process took the lock meanwhile, `on_lost` is called and the thread ends.
    """

    def __init__(
        self,
        url: str,
        schema: str,
        patience: float,
        on_notify: Callable[[str], None],
        on_listening: Callable[[], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._url = url
        self._schema = schema
        self._patience = patience
        self._on_notify = on_notify
        self._on_listening = on_listening
        self._on_lost = on_lost
        self._closing = threading.Event()
        self._since: float | None = None
        self._connection: Connection[TupleRow] | None = None
        self._thread = threading.Thread(target=self._run, name="workflows-hold", daemon=True)

    def acquire(self) -> Connection[TupleRow]:
        """Take the lock within the patience; the connection is the caller's until `listen`.

        Raises EngineBusy, or psycopg.Error when the database does not answer.
        """
        connection = self._connect()
        deadline = time.monotonic() + self._patience
        while not self._lock(connection):
            if time.monotonic() >= deadline:
                connection.close()
                raise EngineBusy(
                    "another platform process runs the workflows of this database: "
                    "stop it first, or give this one a database of its own"
                )
            self._closing.wait(_RETRY_SECONDS)
        self._connection = connection
        return connection

    def listen(self) -> None:
        """Start listening on the acquired connection."""
        self._since = time.monotonic()
        self._thread.start()

    def connected_for(self) -> float:
        """Seconds since the database has been in reach without a break; 0 while it is not.

        A heartbeat that could not have been delivered is not missing.
        """
        since = self._since
        return time.monotonic() - since if since is not None else 0.0

    def close(self) -> None:
        """Give the lock back."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(2 * _PROBE_SECONDS)
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._follow()
            except (psycopg.Error, Transient) as error:
                self._since = None
                logger.warning("the workflow engine lost its database session: %s", error)
                if not self._return():
                    return

    def _follow(self) -> None:
        connection = self._connection
        if connection is None:
            raise psycopg.InterfaceError("no session")
        connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
        self._on_listening()
        probe = time.monotonic() + _PROBE_SECONDS
        while not self._closing.is_set():
            for notification in connection.notifies(timeout=_RETRY_SECONDS):
                self._on_notify(notification.payload)
            if time.monotonic() >= probe:
                connection.execute("SELECT 1")
                probe = time.monotonic() + _PROBE_SECONDS

    def _return(self) -> bool:
        """Be the engine again. False when closing, or when another process is it now."""
        while not self._closing.wait(_RETRY_SECONDS):
            try:
                if self._connection is not None:
                    self._connection.close()
                self.acquire()
            except EngineBusy as error:
                logger.critical("%s", error)
                self._on_lost()
                return False
            except psycopg.Error:
                continue
            self._since = time.monotonic()
            logger.warning("the workflow engine has its database session again")
            return True
        return False

    def _connect(self) -> Connection[TupleRow]:
        return psycopg.connect(self._url, autocommit=True, **SESSION)

    def _lock(self, connection: Connection[TupleRow]) -> bool:
        key = zlib.crc32(self._schema.encode()) & 0x7FFFFFFF
        row = connection.execute(
            "SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, key]
        ).fetchone()
        return bool(row and row[0])

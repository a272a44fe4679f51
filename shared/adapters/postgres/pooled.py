"""Connections through a pooler that gives out a server connection per transaction.

Behind one of these is another session in each transaction, so nothing may stay with a session,
not even its time limits: the server's own are defaults of the role (`infra.migrations.role`), and
the client gives up by itself, which no pooler's setting can prevent.
"""

import math
import secrets
import time
from typing import Any, Final

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import QueuePool, event
from sqlalchemy.exc import InvalidatePoolError

from shared.adapters.postgres.liveness import is_quiet
from shared.adapters.postgres.transaction import QUICK_SECONDS
from shared.ports.patience import patience

WAIT_SECONDS: Final = 20.0
"""For an answer where nobody's patience is known: a turn at the pooler and the server's limit."""
IDLE_SECONDS: Final = 240.0
"""Networks forget a silent connection after 350 s, and say nothing."""
_PAUSE_MILLISECONDS: Final = 50, 200
_INTERVAL: Final = 0.1
_TAKEN: Final = "taken_at"


class PooledConnection(psycopg.Connection[TupleRow]):
    """Waits no longer for an answer than the invocation does. It is closed then, and what it did
    not commit the server rolls back."""

    def wait(self, gen: Any, interval: float = _INTERVAL, timeout: float | None = None) -> Any:
        left, began = patience(), time.monotonic()
        seconds = WAIT_SECONDS if left is None else left.seconds
        try:
            return super().wait(gen, interval, seconds if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer in {seconds:.1f} s") from error
        finally:
            if left is not None:
                left.spend(time.monotonic() - began)


def connect(arguments: dict[str, Any]) -> PooledConnection:
    """Connect; once more after a pause where that was refused at once. Nothing was sent yet."""
    left, began = patience(), time.monotonic()
    try:
        try:
            return _opened(arguments)
        except psycopg.OperationalError:
            if time.monotonic() - began > QUICK_SECONDS or (left is not None and left.exhausted):
                raise
        first, more = _PAUSE_MILLISECONDS
        time.sleep((first + secrets.randbelow(more)) / 1000)
        return _opened(arguments)
    finally:
        if left is not None:
            left.spend(time.monotonic() - began)


def _opened(arguments: dict[str, Any]) -> PooledConnection:
    left = patience()
    most = arguments["connect_timeout"]
    seconds = most if left is None else min(most, math.ceil(left.seconds))
    return PooledConnection.connect(**{**arguments, "connect_timeout": seconds})


def check_taken(connection: PooledConnection, record: Any, _fairy: object) -> None:
    """SQLAlchemy's event for a connection taken from its pool. Raises InvalidatePoolError.

    Nothing is asked: that would wait for a turn at the pooler. The wall clock goes on while the
    process is frozen between two invocations.
    """
    at, before = time.time(), record.info.get(_TAKEN)
    record.info[_TAKEN] = at
    if before is not None and (at - before > IDLE_SECONDS or not is_quiet(connection)):
        raise InvalidatePoolError("the connection was closed or idle for long")


class FreshPool(QueuePool):
    """A pool that hands out no connection that has ended or may have been forgotten."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        event.listen(self, "checkout", check_taken)

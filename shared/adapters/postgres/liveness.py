"""Whether a pooled connection still stands, without asking the server each time it is taken.

A server that ends a session closes its socket, which is then readable: looking at that costs
microseconds, a statement costs a round trip. What was idle for long is asked all the same: a
network may have forgotten it without a word.
"""

import select
import time
from typing import Any, Final

import psycopg
from psycopg import Connection
from sqlalchemy import QueuePool, event
from sqlalchemy.exc import InvalidatePoolError

IDLE_SECONDS: Final = 30.0
_TAKEN: Final = "taken_at"


def is_quiet(connection: Connection[Any]) -> bool:
    """Whether nothing has arrived on an idle connection, neither an end nor a message."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)


def check_taken(connection: Connection[Any], record: Any, _fairy: object) -> None:
    """SQLAlchemy's event for a connection taken from its pool. Raises InvalidatePoolError."""
    at, before = time.monotonic(), record.info.get(_TAKEN)
    record.info[_TAKEN] = at
    if (before is None or at - before < IDLE_SECONDS) and is_quiet(connection):
        return
    try:
        if not connection.autocommit:
            connection.rollback()
        connection.execute("SELECT 1")
        if not connection.autocommit:
            connection.rollback()
    except psycopg.Error as error:
        raise InvalidatePoolError(str(error)) from error


class CheckedPool(QueuePool):
    """A pool that checks so what it hands out."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        event.listen(self, "checkout", check_taken)

"""Connections of an event loop, for statements that a thread would cost more than."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any, Final

import psycopg

from shared.domain.errors import Transient

_SECONDS: Final = 5


class Lines:
    """A few connections, asked in turn; each statement commits by itself.

    They belong to the loop that opens them. Only without a pooler in between, as plans are kept.
    """

    def __init__(self, database_url: str, count: int) -> None:
        self._lines = [_Line(database_url) for _ in range(count)]
        self._next = cycle(self._lines)

    async def open(self) -> None:
        """Connect once, so that a wrong address shows at the start. Raises Transient."""
        with _translated():
            await self._lines[0].connected()

    async def close(self) -> None:
        for line in self._lines:
            await line.close()

    async def first(self, text: str, values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row. Where the connection broke the statement is sent again on a new one: it
        must be one that may run twice. Raises Transient."""
        line = next(self._next)
        with suppress(psycopg.OperationalError):
            return await line.first(text, values)
        with _translated():
            await line.close()
            return await line.first(text, values)


class _Line:
    """One connection, made when it is needed. It takes one statement after the other."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._connecting = asyncio.Lock()

    async def first(self, text: str, values: Mapping[str, Any]) -> Sequence[Any] | None:
        connection = self._connection or await self.connected()
        cursor = await connection.execute(text.encode(), values)
        return await cursor.fetchone()

    async def connected(self) -> "psycopg.AsyncConnection[tuple[Any, ...]]":
        async with self._connecting:
            if self._connection is None:
                self._connection = await psycopg.AsyncConnection.connect(
                    self._url,
                    autocommit=True,
                    application_name="click-to-deploy loop",
                    connect_timeout=_SECONDS,
                    options=f"-c statement_timeout={_SECONDS * 1000} -c TimeZone=UTC",
                )
            return self._connection

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise Transient("the database did not answer in time: try again") from error

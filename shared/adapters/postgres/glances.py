"""Reads of one statement, awaited in the event loop or in a thread."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from shared.adapters.postgres.deployments import PLACED, placed_of
from shared.domain.deployments import Placed
from shared.domain.errors import NotFound, Transient
from shared.ports.store import UnitOfWork

_CONNECTIONS: Final = 4
_SECONDS: Final = 5


class ThreadGlances:
    """In a thread, by a unit of work: for a process that answers one request at a time."""

    def __init__(self, unit_of_work: Callable[[], UnitOfWork]) -> None:
        self._unit_of_work = unit_of_work

    async def deployment(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        def read() -> Placed:
            with self._unit_of_work() as uow:
                return uow.deployments.placed(organization_id, deployment_id)

        return await asyncio.to_thread(read)


class LoopGlances:
    """In the event loop, on connections of its own: a thread costs more than the statement.

    Belongs to the loop that opened it. Only without a pooler in between, as plans are kept.
    """

    def __init__(self, database_url: str) -> None:
        self._lines = [_Line(database_url) for _ in range(_CONNECTIONS)]
        self._next = cycle(self._lines)

    async def open(self) -> None:
        """Connect once, so that a wrong address shows at the start. Raises Transient."""
        with _translated():
            await self._lines[0].connected()

    async def close(self) -> None:
        for line in self._lines:
            await line.close()

    async def deployment(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        key = {"organization_id": organization_id, "id": deployment_id}
        row = await self._row(_DEPLOYMENT, key)
        if row is None:
            raise NotFound(f"there is no deployment {deployment_id}")
        return placed_of(row)

    async def _row(self, query: "_Query", values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row. A connection that broke since it was used last is replaced once."""
        line = next(self._next)
        with suppress(psycopg.OperationalError):
            return await line.ask(query, values)
        with _translated():
            await line.close()
            return await line.ask(query, values)


class _Line:
    """One connection, made when it is needed. It takes one statement after the other."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        self._connecting = asyncio.Lock()

    async def ask(self, query: "_Query", values: Mapping[str, Any]) -> Sequence[Any] | None:
        connection = self._connection or await self.connected()
        cursor = await connection.execute(query.text, values)
        row = await cursor.fetchone()
        return None if row is None else query.converted(row)

    async def connected(self) -> "psycopg.AsyncConnection[tuple[Any, ...]]":
        async with self._connecting:
            if self._connection is None:
                self._connection = await psycopg.AsyncConnection.connect(
                    self._url,
                    autocommit=True,
                    application_name="click-to-deploy glances",
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


class _Query:
    """A statement as the driver takes it, and what turns its columns into the domain's values."""

    def __init__(self, statement: Select[Any]) -> None:
        dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]
        self.text = str(statement.compile(dialect=dialect))
        self._converters = [
            column.type.dialect_impl(dialect).result_processor(dialect, None)
            for column in statement.selected_columns
        ]

    def converted(self, row: Sequence[Any]) -> list[Any]:
        return [
            value if convert is None else convert(value)
            for convert, value in zip(self._converters, row, strict=True)
        ]


_DEPLOYMENT: Final = _Query(PLACED)

"""Reads of one statement, awaited in the event loop or in a thread."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from shared.adapters.postgres.deployments import PLACED, placed_of
from shared.domain.deployments import Placed
from shared.domain.errors import NotFound, Transient
from shared.ports.store import UnitOfWork

_CONNECTIONS: Final = 4
_SECONDS: Final = 5.0


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
        options: dict[str, Any] = {
            "autocommit": True,
            "application_name": "click-to-deploy glances",
            "connect_timeout": int(_SECONDS),
            "options": f"-c statement_timeout={int(_SECONDS * 1000)} -c TimeZone=UTC",
        }
        self._pool = AsyncConnectionPool(
            database_url,
            kwargs=options,
            min_size=1,
            max_size=_CONNECTIONS,
            timeout=_SECONDS,
            open=False,
        )

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close(_SECONDS)

    async def deployment(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        row = await self._row(
            _DEPLOYMENT, {"organization_id": organization_id, "id": deployment_id}
        )
        if row is None:
            raise NotFound(f"there is no deployment {deployment_id}")
        return placed_of(row)

    async def _row(self, query: "_Query", values: Mapping[str, Any]) -> Sequence[Any] | None:
        """The first row. A connection that broke since it was used last is replaced once."""
        try:
            return await self._ask(query, values)
        except psycopg.OperationalError:
            pass
        try:
            return await self._ask(query, values)
        except (psycopg.Error, PoolTimeout) as error:
            raise Transient("the database did not answer in time: try again") from error

    async def _ask(self, query: "_Query", values: Mapping[str, Any]) -> Sequence[Any] | None:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query.text, values)
            row = await cursor.fetchone()
        return None if row is None else query.converted(row)


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

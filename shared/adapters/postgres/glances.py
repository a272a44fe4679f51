"""Reads of one statement, awaited in the event loop or in a thread."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from shared.adapters.postgres.deployments import PLACED, placed_of
from shared.adapters.postgres.lines import Lines
from shared.domain.deployments import Placed
from shared.domain.errors import NotFound
from shared.ports.store import UnitOfWork


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
    """In the event loop."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    async def deployment(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        key = {"organization_id": organization_id, "id": deployment_id}
        row = await self._lines.first(_DEPLOYMENT.text, key)
        if row is None:
            raise NotFound(f"there is no deployment {deployment_id}")
        return placed_of(_DEPLOYMENT.converted(row))


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

"""An open transaction: statements with translated errors, and what dialects do differently."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Connection,
    CursorResult,
    Executable,
    Insert,
    Row,
    Select,
    Table,
    UpdateBase,
    and_,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, IntegrityError

from shared.adapters.postgres.errors import is_duplicate, translated
from shared.adapters.postgres.tables.catalogue import counters

QUICK_SECONDS: Final = 1.0
"""A connection that is cut off says so sooner; what takes longer is slow, and not asked again."""


class Transaction:
    """Runs statements. Raises the platform's errors only: see `translated`.

    `wrote` says whether any of them changed a row.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect.name
        self.wrote = False
        self._begun = False

    def execute(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        taken: str | None = None,
    ) -> CursorResult[Any]:
        """Run it. `taken` says what a violated unique key means."""
        with translated(taken):
            result = self._run(statement, parameters)
        # an insert nobody counts says -1
        self.wrote = self.wrote or (isinstance(statement, UpdateBase) and result.rowcount != 0)
        return result

    def changed(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | None = None,
        *,
        taken: str | None = None,
    ) -> int:
        """Run it and count the rows it met."""
        return self.execute(statement, parameters, taken=taken).rowcount

    def rows(self, statement: Select[Any]) -> Sequence[Row[Any]]:
        with translated():
            return self._run(statement).all()

    def row(
        self, statement: Select[Any], parameters: Mapping[str, Any] | None = None
    ) -> Row[Any] | None:
        with translated():
            return self._run(statement, parameters).first()

    def scalar(self, statement: Select[Any]) -> Any:
        with translated():
            return self._run(statement).scalar()

    def insert_new(self, table: Table, values: Mapping[str, Any]) -> bool:
        """Insert a row unless its keys are taken; whether it was inserted."""
        if self.dialect in ("postgresql", "sqlite"):
            return self.changed(_insert_or_leave(self.dialect, table), values) > 0
        self._begun = True
        with translated():
            try:
                with self._connection.begin_nested():
                    self._connection.execute(insert(table), values)
            except IntegrityError as error:
                if is_duplicate(error):
                    return False
                raise
            self.wrote = True
            return True

    def put(self, table: Table, keys: Iterable[str], values: Mapping[str, Any]) -> None:
        """Insert a row, or replace the one that has the same keys."""
        mine = and_(*(table.c[key] == values[key] for key in keys))
        rest = {name: value for name, value in values.items() if name not in keys}
        statement = update(table).where(mine).values(rest)
        if not self.changed(statement) and not self.insert_new(table, values):
            self.changed(statement)

    def _run(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> CursorResult[Any]:
        """Run it. The first statement is sent again when the connection turns out to be dead."""
        begun, self._begun = self._begun, True
        at = time.monotonic()
        try:
            return self._connection.execute(statement, parameters)
        except DBAPIError as error:
            slow = time.monotonic() - at > QUICK_SECONDS
            if begun or slow or not error.connection_invalidated or not self._undone(statement):
                raise
        self._connection.rollback()
        return self._connection.execute(statement, parameters)

    def _undone(self, statement: Executable) -> bool:
        """Whether a lost connection undid it: without a COMMIT nothing stays."""
        options = self._connection.get_execution_options()
        return options.get("isolation_level") != "AUTOCOMMIT" or isinstance(statement, Select)

    def next_number(self, counter: str) -> int:
        """The next of a platform-wide sequence; others wait for theirs until the end.

        One statement: an update that finds nothing and an insert after it deadlock on MariaDB.
        """
        raised = {"value": counters.c.value + 1}
        first = {"name": counter, "value": 1}
        if self.dialect == "postgresql":
            self.execute(
                postgresql.insert(counters)
                .values(first)
                .on_conflict_do_update(index_elements=["name"], set_=raised)
            )
        elif self.dialect == "sqlite":
            from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - Lambda has PostgreSQL alone

            self.execute(
                sqlite.insert(counters)
                .values(first)
                .on_conflict_do_update(index_elements=["name"], set_=raised)
            )
        else:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - Lambda has PostgreSQL alone

            self.execute(mysql.insert(counters).values(first).on_duplicate_key_update(raised))
        mine = counters.c.name == counter
        return int(self.scalar(select(counters.c.value).where(mine)) or 0)


@cache
def _insert_or_leave(dialect: str, table: Table) -> Insert:
    if dialect == "postgresql":
        made: Any = postgresql.insert(table)
    else:
        from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - Lambda has PostgreSQL alone

        made = sqlite.insert(table)
    # without the option nobody counts the rows of an insert: -1
    kept: Insert = made.on_conflict_do_nothing().execution_options(preserve_rowcount=True)
    return kept

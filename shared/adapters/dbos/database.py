"""Connections to the engine's tables, every statement under a deadline."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

from shared.adapters.postgres.liveness import is_quiet
from shared.domain.errors import Transient

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]

_CONNECT_SECONDS: Final = 5
_STATEMENT_SECONDS: Final = 10

SESSION: Final[dict[str, Any]] = {
    "connect_timeout": _CONNECT_SECONDS,
    "options": f"-c statement_timeout={_STATEMENT_SECONDS}s -c lock_timeout=5s",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "click-to-deploy workflows",
}


def plain_url(url: str) -> str:
    """A URL libpq takes, of one that may name a SQLAlchemy driver."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme=parts.scheme.partition("+")[0]))


@contextmanager
def transient() -> Iterator[None]:
    """What says that the database is away becomes Transient."""
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Transient(f"the workflow engine's database does not answer: {error}") from error


class Database:
    """A pool of autocommitting connections that name their tables with `schema` first."""

    def __init__(self, url: str, schema: str, connections: int) -> None:
        self.url = plain_url(url)
        self.schema = schema
        self._pool = ConnectionPool(
            self.url,
            min_size=1,
            max_size=connections,
            timeout=_CONNECT_SECONDS,
            reconnect_timeout=2,
            open=False,
            kwargs={**SESSION, "autocommit": True},
            configure=self._configure,
            check=_check,
            name="workflows",
        )

    def open(self) -> None:
        """Raises Transient when the database does not answer."""
        with transient():
            self._pool.open(wait=True, timeout=2 * _CONNECT_SECONDS)

    def close(self) -> None:
        self._pool.close(timeout=_CONNECT_SECONDS)

    def query(self, statement: LiteralString, parameters: Parameters = ()) -> list[TupleRow]:
        """The rows a statement gives, none for one that gives none. Raises Transient."""
        with transient(), self._pool.connection() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def _configure(self, connection: Connection[TupleRow]) -> None:
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self.schema)))


def _check(connection: Connection[TupleRow]) -> None:
    """Raises psycopg.OperationalError for one that is cut off: the pool makes another."""
    if not is_quiet(connection):
        ConnectionPool.check_connection(connection)

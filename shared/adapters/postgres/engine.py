"""Connections: how they are made, pooled and given up."""

import os
import sqlite3
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url

from shared.adapters.postgres import iam, pooled
from shared.adapters.postgres.liveness import CheckedPool
from shared.settings import Settings

_DRIVERS: Final = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}


_REPEATED: Final = 5
"""How often a connection runs a statement before its plan is kept."""
_PORT: Final = 5432
_POOLER_SECONDS: Final = 3
"""For a connect to a pooler, which is near and asks the server nothing."""


def configured(settings: Settings) -> Engine:
    """One machine talks to its server; on AWS there is a pooler in between."""
    if settings.workflows == "dbos":
        return make_engine(settings.database_url, pool_size=settings.database_pool, prepare=True)
    return pooled_engine(settings.database_url, pool_size=settings.database_pool)


def pooled_engine(database_url: str, *, pool_size: int = 1) -> Engine:
    """An engine for PostgreSQL behind RDS Proxy or PgBouncer in transaction mode.

    No startup options (both refuse them), nothing prepared, nothing kept in a session. Waits are
    bounded by the client: see `pooled`. A URL without a password signs in by IAM.
    """
    url = driver_url(database_url)
    engine = make_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=0,
        connect_seconds=_POOLER_SECONDS,
        statement_seconds=None,
        pool=pooled.FreshPool,
    )

    def connecting(_dialect: object, _record: object, _given: object, arguments: Any) -> Any:
        return pooled.connect({**arguments, **_password(url)})

    event.listen(engine, "do_connect", connecting)
    return engine


def _password(url: URL) -> dict[str, str]:
    """One that is good for connecting now, where the URL has none."""
    if url.password is not None or not url.host or "AWS_ACCESS_KEY_ID" not in os.environ:
        return {}
    user, port = url.username or "", url.port or _PORT
    return {"password": iam.token(url.host, port, user, os.environ, datetime.now(UTC))}


def make_engine(
    database_url: str,
    *,
    pool_size: int = 5,
    max_overflow: int = 5,
    connect_seconds: int = 5,
    statement_seconds: int | None = 15,
    application: str = "click-to-deploy",
    prepare: bool = False,
    pool: type[QueuePool] = CheckedPool,
) -> Engine:
    """An engine for PostgreSQL, or for SQLite and MariaDB where only entities are kept.

    `connect_seconds` bounds a connect and the wait for a pooled connection; `statement_seconds`
    a statement, half of it a wait for a lock. None leaves those to the server, for poolers that
    refuse startup options. `prepare` lets the server keep the plans of repeated statements, which
    needs a server connection of one's own: no pooler in between.
    """
    url = driver_url(database_url)
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url)
    options: dict[str, Any] = {}
    if backend == "postgresql":
        connect = _postgres(connect_seconds, statement_seconds, application, prepare)
        options |= {"use_native_hstore": False, "poolclass": pool}
    else:
        connect = _mariadb(connect_seconds, statement_seconds)
        options["pool_pre_ping"] = True
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=connect_seconds,
        pool_recycle=1800,
        isolation_level="READ COMMITTED",
        hide_parameters=True,  # errors end in logs, values must not
        connect_args=connect,
        **options,
    )


def driver_url(database_url: str) -> URL:
    """The URL with the driver we use, whatever name of the server it carries."""
    url = make_url(database_url)
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _postgres(
    connect_seconds: int, statement_seconds: int | None, application: str, prepare: bool
) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "connect_timeout": connect_seconds,
        "application_name": application,
        # prepared statements stay with one server connection, which a pooler does not promise
        "prepare_threshold": _REPEATED if prepare else None,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 30_000,
    }
    if statement_seconds is not None:
        limits = {
            "statement_timeout": statement_seconds * 1000,
            "lock_timeout": statement_seconds * 500,
            "idle_in_transaction_session_timeout": 60_000,
        }
        arguments["options"] = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return arguments


def _mariadb(connect_seconds: int, statement_seconds: int | None) -> dict[str, Any]:
    seconds = statement_seconds or 60
    return {
        "charset": "utf8mb4",
        "connect_timeout": connect_seconds,
        "read_timeout": seconds,
        "write_timeout": seconds,
        "init_command": (
            f"SET SESSION sql_mode='TRADITIONAL', innodb_lock_wait_timeout={max(seconds // 2, 1)}"
        ),
    }


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": 10})

    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")

    def begun(connection: Connection) -> None:
        # the write lock from the start: SQLite has no row to lock
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine

"""Runs migrations in one transaction: all of them or none, and never two at a time."""

import os

from alembic import context
from sqlalchemy import Connection, text

from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.tables import metadata

# A migration that cannot get its lock must fail before the queue behind it stops the platform.
_LIMITS = {"lock_timeout": "4s", "statement_timeout": "60s"}
_TURN = 0x6D696772617465


def _prepare(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
    for name, value in _LIMITS.items():
        connection.execute(text(f"SET LOCAL {name} = '{value}'"))


def _run() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["DATABASE_URL"]
    engine = make_engine(url, pool_size=1, max_overflow=0, statement_seconds=60)
    try:
        with engine.begin() as connection:
            _prepare(connection)
            context.configure(connection=connection, target_metadata=metadata, compare_type=True)
            context.run_migrations()
    finally:
        engine.dispose()


_run()

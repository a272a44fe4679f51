"""Runs migrations in one transaction: all of them or none, and never two at a time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import Connection, text

from infra.migrations.run import CONNECTION, TURN
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.tables.every import metadata

# A migration that cannot get its lock must fail before the queue behind it stops the platform.
_LIMITS = {"lock_timeout": "4s", "statement_timeout": "60s"}


def _prepare(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": TURN})
    for name, value in _LIMITS.items():
        connection.execute(text(f"SET LOCAL {name} = '{value}'"))


@contextmanager
def _connection() -> Iterator[Connection]:
    given = context.config.attributes.get(CONNECTION)
    if given is not None:
        yield given
        return
    url = context.config.get_main_option("sqlalchemy.url") or os.environ["DATABASE_URL"]
    # the limits are the transaction's: a pooler passes no others
    engine = make_engine(url, pool_size=1, max_overflow=0, statement_seconds=None)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


with _connection() as _opened:
    _prepare(_opened)
    context.configure(connection=_opened, target_metadata=metadata, compare_type=True)
    context.run_migrations()

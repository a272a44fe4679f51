"""Time limits as defaults of the database's role: `python -m infra.migrations.role`.

A pooler keeps server connections of its own and passes no limit of a client's. What a role has as
its defaults holds on each of them, whoever opened it, and costs no round trip.
"""

import os
from typing import Final

import psycopg
from psycopg import sql

from shared.adapters.postgres.engine import driver_url

LIMITS: Final = {
    "statement_timeout": "15s",
    "lock_timeout": "7s",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "250ms",
}
"""The last one ends statements whose client has given up and closed its connection."""


def limit(database_url: str) -> None:
    """Set them for the URL's own role in its database. Sessions that are open keep what they have.

    Raises psycopg.Error.
    """
    url = driver_url(database_url)
    given = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
    with psycopg.connect(**{"connect_timeout": 5, **given}) as connection:
        database = sql.Identifier(connection.info.dbname)
        for name, value in LIMITS.items():
            connection.execute(
                sql.SQL("ALTER ROLE CURRENT_USER IN DATABASE {} SET {} = {}").format(
                    database, sql.Identifier(name), sql.Literal(value)
                )
            )


if __name__ == "__main__":
    limit(os.environ["DATABASE_URL"])

"""Time limits as defaults of the database's role.

A pooler keeps server connections of its own and passes no limit of a client's. What a role has as
its defaults holds on each of them, whoever opened it, and costs no round trip.
"""

from typing import Final

from sqlalchemy import Connection

LIMITS: Final = {
    "statement_timeout": "15s",
    "lock_timeout": "7s",
    "idle_in_transaction_session_timeout": "1min",
    "client_connection_check_interval": "250ms",
}
"""The last one ends statements whose client has given up and closed its connection."""


def limit(connection: Connection) -> None:
    """Set them for the connection's own role in its database, as part of its transaction.

    Sessions that are open keep what they have.
    """
    name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
    database = connection.dialect.identifier_preparer.quote(name)
    for setting, value in LIMITS.items():
        connection.exec_driver_sql(
            f"ALTER ROLE CURRENT_USER IN DATABASE {database} SET {setting} = '{value}'"
        )

"""What migrations build tables of, on PostgreSQL, SQLite and MariaDB."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql, postgresql

ID = sa.Uuid().with_variant(sa.Uuid(native_uuid=False), "mysql", "mariadb")
INSTANT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
PROSE = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


def table(name: str, *parts: Any) -> None:
    op.create_table(
        name,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def parent(child: str, owner: str, column: str, key: str = "id") -> sa.ForeignKeyConstraint:
    """A row of `child` goes with its `owner`, and belongs to the same organisation."""
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{owner}.organization_id", f"{owner}.{key}"],
        name=f"fk_{child}_{owner}",
        ondelete="CASCADE",
    )


def index(name: str, on: str, columns: list[str], where: str | None = None) -> None:
    """An index; `where` narrows it on the servers that can."""
    condition = sa.text(where) if where else None
    op.create_index(name, on, columns, postgresql_where=condition, sqlite_where=condition)

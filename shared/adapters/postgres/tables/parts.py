"""What every table is made of."""

from typing import Any

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, text

from shared.adapters.postgres.column_types import Id

metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s"})


def table(name: str, *parts: Any) -> Table:
    # MariaDB compares texts without regard to case unless told: keys of variables differ by it
    return Table(
        name,
        metadata,
        *parts,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


def organization() -> Column[Any]:
    return Column("organization_id", Id, primary_key=True)


def identity(name: str = "id") -> Column[Any]:
    return Column(name, Id, primary_key=True)


def parent(child: str, parent: str, column: str, key: str = "id") -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id", column],
        [f"{parent}.organization_id", f"{parent}.{key}"],
        name=f"fk_{child}_{parent}",
        ondelete="CASCADE",
    )


def some(name: str, *columns: str, where: str) -> Index:
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


def required(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)

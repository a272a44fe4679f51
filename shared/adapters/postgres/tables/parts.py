"""What every table is made of."""

from typing import Any, Final

from sqlalchemy import Column, ForeignKeyConstraint, Index, MetaData, Table, text

from shared.adapters.postgres.column_types import Id

WHERE: Final = "where"
"""Where an index's `info` keeps its condition for SQLite."""
metadata = MetaData(naming_convention={"pk": "pk_%(table_name)s"})


def table(name: str, *parts: Any) -> Table:
    return Table(name, metadata, *parts)


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
    return Index(name, *columns, postgresql_where=text(where), info={WHERE: where})


def required(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)

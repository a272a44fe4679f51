"""Rows as frozen dataclasses: columns and fields share their names."""

from collections.abc import Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Table, and_, or_, select, update
from sqlalchemy import insert as insert_into

from shared.adapters.postgres import cursors
from shared.adapters.postgres.transaction import Transaction
from shared.domain.errors import NotFound
from shared.ports.store import Page

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


E = TypeVar("E", bound="DataclassInstance")


def values(entity: "DataclassInstance", *, without: Collection[str] = ()) -> dict[str, Any]:
    return {
        field.name: getattr(entity, field.name)
        for field in fields(entity)
        if field.name not in without
    }


class Entities(Generic[E]):
    """The rows of one table, each an instance of `kind`.

    `key` names the columns that find one: they are never changed.
    """

    def __init__(
        self,
        transaction: Transaction,
        table: Table,
        kind: type[E],
        *,
        key: tuple[str, ...] = ("organization_id", "id"),
    ) -> None:
        self.transaction = transaction
        self.table = table
        self.kind = kind
        self.key = key
        self._columns = [table.c[field.name] for field in fields(kind)]
        self._noun = kind.__name__.lower()

    def where(self, *conditions: ColumnElement[bool], **equal: object) -> Select[Any]:
        """A query for entities; `equal` compares columns by name."""
        equals = (self.table.c[name] == value for name, value in equal.items())
        return select(*self._columns).where(*equals, *conditions)

    def one(self, query: Select[Any]) -> E | None:
        row = self.transaction.row(query)
        return None if row is None else self.kind(**row._mapping)

    def all(self, query: Select[Any]) -> list[E]:
        return [self.kind(**row._mapping) for row in self.transaction.rows(query)]

    def get(self, *key: object, lock: bool = False) -> E:
        """The row of that key, held until the end when `lock`. Raises NotFound."""
        query = self.where(**dict(zip(self.key, key, strict=True)))
        # NO KEY: rows that refer to this one may still come
        found = self.one(query.with_for_update(key_share=True) if lock else query)
        if found is None:
            raise NotFound(f"there is no {self._noun} {key[-1]}")
        return found

    def insert(self, entity: E, *, taken: str | None = None, **more: object) -> None:
        """Raises Conflict, saying `taken`, when a unique key is."""
        statement = insert_into(self.table).values({**values(entity), **more})
        self.transaction.execute(statement, taken)

    def update(self, entity: E, *, taken: str | None = None, **more: object) -> None:
        """Raises NotFound when the row is not there, Conflict when a unique key is taken."""
        mine = and_(*(self.table.c[name] == getattr(entity, name) for name in self.key))
        changes = {**values(entity, without=self.key), **more}
        statement = update(self.table).where(mine).values(changes)
        if not self.transaction.changed(statement, taken):
            raise NotFound(f"there is no {self._noun} {getattr(entity, self.key[-1])}")

    def page(
        self, query: Select[Any], limit: int, cursor: str | None, *, newest_first: bool = False
    ) -> Page[E]:
        """At most `limit` of the query's rows by time of creation, from `cursor` on."""
        created_at, id_ = self.table.c.created_at, self.table.c.id
        if cursor is not None:
            after = cursors.decode(cursor)
            # spelled out, as MariaDB uses no index for a comparison of row values
            further = (
                created_at < after.created_at if newest_first else created_at > after.created_at
            )
            same = id_ < after.id if newest_first else id_ > after.id
            query = query.where(or_(further, and_(created_at == after.created_at, same)))
        order = [c.desc() if newest_first else c.asc() for c in (created_at, id_)]
        found = self.all(query.order_by(*order).limit(limit + 1))
        return cursors.page(found, limit, _position)


class _Listed(Protocol):
    @property
    def id(self) -> UUID: ...


def _position(entity: Any) -> cursors.Position:
    return cursors.Position(entity.created_at, entity.id)

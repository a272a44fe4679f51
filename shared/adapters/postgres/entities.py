"""Rows as frozen dataclasses: columns and fields share their names."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import (
    ColumnElement,
    Insert,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    insert,
    or_,
    select,
    update,
)

from shared.adapters.postgres import cursors
from shared.adapters.postgres.transaction import Transaction
from shared.domain.errors import NotFound
from shared.ports.pages import Page

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


E = TypeVar("E", bound="DataclassInstance")


def values(entity: "DataclassInstance", *, without: Collection[str] = ()) -> dict[str, Any]:
    names = _names(type(entity))
    return {name: getattr(entity, name) for name in names if name not in without}


@cache
def _names(kind: "type[DataclassInstance]") -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


# Statements that do not differ from call to call are built once: that is half of their cost.
@cache
def _selected(table: Table, kind: "type[DataclassInstance]") -> Select[Any]:
    return select(*(table.c[name] for name in _names(kind)))


@cache
def _found(
    table: Table, kind: "type[DataclassInstance]", key: tuple[str, ...], lock: bool
) -> Select[Any]:
    query = _selected(table, kind).where(_is_row(table, key))
    # NO KEY: rows that refer to this one may still come
    return query.with_for_update(key_share=True) if lock else query


@cache
def _updated(table: Table, key: tuple[str, ...]) -> Update:
    return update(table).where(_is_row(table, key))


@cache
def _inserted(table: Table) -> Insert:
    return insert(table)


def _is_row(table: Table, key: tuple[str, ...]) -> ColumnElement[bool]:
    return and_(*(table.c[name] == bindparam(f"key_{name}") for name in key))


def _keyed(key: tuple[str, ...], of: Iterable[object]) -> dict[str, object]:
    return {f"key_{name}": value for name, value in zip(key, of, strict=True)}


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
        self._noun = kind.__name__.lower()

    def where(self, *conditions: ColumnElement[bool], **equal: object) -> Select[Any]:
        """A query for entities; `equal` compares columns by name."""
        equals = (self.table.c[name] == value for name, value in equal.items())
        return _selected(self.table, self.kind).where(*equals, *conditions)

    def one(self, query: Select[Any], parameters: Mapping[str, Any] | None = None) -> E | None:
        row = self.transaction.row(query, parameters)
        return None if row is None else self.kind(**row._mapping)

    def all(self, query: Select[Any]) -> list[E]:
        return [self.kind(**row._mapping) for row in self.transaction.rows(query)]

    def get(self, *key: object, lock: bool = False) -> E:
        """The row of that key, held until the end when `lock`. Raises NotFound."""
        query = _found(self.table, self.kind, self.key, lock)
        found = self.one(query, _keyed(self.key, key))
        if found is None:
            raise NotFound(f"there is no {self._noun} {key[-1]}")
        return found

    def insert(self, entity: E, *, taken: str | None = None, **more: object) -> None:
        """Raises Conflict, saying `taken`, when a unique key is."""
        row = {**values(entity), **more}
        self.transaction.execute(_inserted(self.table), row, taken=taken)

    def update(
        self,
        entity: E,
        *,
        taken: str | None = None,
        computed: Mapping[str, ColumnElement[Any]] | None = None,
        **more: object,
    ) -> None:
        """Write all fields but the key, with `computed` in place of those the database decides.

        Raises NotFound when the row is not there, Conflict when a unique key is taken.
        """
        statement = _updated(self.table, self.key)
        if computed:
            statement = statement.values(computed)
        row = values(entity, without={*self.key, *(computed or ())})
        key = (getattr(entity, name) for name in self.key)
        parameters = {**row, **more, **_keyed(self.key, key)}
        if not self.transaction.changed(statement, parameters, taken=taken):
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


def _position(entity: Any) -> cursors.Position:
    return cursors.Position(entity.created_at, entity.id)

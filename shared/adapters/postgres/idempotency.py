"""Idempotency keys in the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, Engine, delete, update

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.errors import translated
from shared.adapters.postgres.tables.limits import idempotency_keys as table
from shared.adapters.postgres.transaction import Transaction
from shared.domain.audit import AuditEvent
from shared.domain.idempotency import Claim, IdempotencyKey, KeyState, overtaken

_OPEN: Final = (KeyState.RUNNING, KeyState.COMMITTED)
_ANSWER: Final = ("state", "answered_at", "status", "headers", "sealed_body", "shown_once")


class StoredKeys:
    """Serves all threads; every call is a short transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with translated(), self._engine.connect() as connection:
            yield Transaction(connection)
            connection.commit()

    def add(self, key: IdempotencyKey) -> bool:
        with self._transaction() as transaction:
            return transaction.insert_new(table, values(key))

    def find(self, organization_id: UUID, actor_id: str, key: str) -> IdempotencyKey | None:
        with self._transaction() as transaction:
            rows = Entities(transaction, table, IdempotencyKey)
            return rows.one(rows.where(organization_id=organization_id, actor_id=actor_id, key=key))

    def take_over(self, key: IdempotencyKey, attempt: int) -> bool:
        changed = values(key, without=("organization_id", "id", "actor_id", "key"))
        old = Claim(key.organization_id, key.id, attempt)
        expected = _held(old) & (
            (table.c.created_at < key.created_at) | (table.c.state == KeyState.RUNNING)
        )
        with self._transaction() as transaction:
            return transaction.changed(update(table).where(expected).values(changed)) > 0

    def answer(self, key: IdempotencyKey) -> None:
        mine = _held(key.claim) & table.c.state.in_(_OPEN)
        answer = {name: getattr(key, name) for name in _ANSWER}
        with self._transaction() as transaction:
            transaction.execute(update(table).where(mine).values(answer))

    def release(self, claim: Claim) -> None:
        unused = _held(claim) & (table.c.state == KeyState.RUNNING)
        with self._transaction() as transaction:
            transaction.execute(delete(table).where(unused))

    def forget_secrets_everywhere(self, before: datetime) -> int:
        shown = table.c.shown_once & (table.c.answered_at < before)
        lapsed = shown & table.c.sealed_body.is_not(None)
        with self._transaction() as transaction:
            return transaction.changed(update(table).where(lapsed).values(sealed_body=None))

    def prune_everywhere(self, before: datetime) -> int:
        with self._transaction() as transaction:
            return transaction.changed(delete(table).where(table.c.created_at < before))


def mark_committed(transaction: Transaction, claim: Claim, event: AuditEvent) -> None:
    """Note inside the request's own transaction what it changed.

    Raises Conflict when a later attempt has the key: nothing of this one may be committed.
    """
    done = {
        "state": KeyState.COMMITTED,
        "action": event.action,
        "resource_kind": event.resource_kind,
        "resource_id": event.resource_id,
        "resource_name": event.resource_name,
    }
    mine = _held(claim) & (table.c.state == KeyState.RUNNING)
    if not transaction.changed(update(table).where(mine).values(done)):
        raise overtaken()


def _held(claim: Claim) -> ColumnElement[bool]:
    return (
        (table.c.organization_id == claim.organization_id)
        & (table.c.id == claim.id)
        & (table.c.attempt == claim.attempt)
    )

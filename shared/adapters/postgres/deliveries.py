"""Webhook deliveries in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, or_, select

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.git import webhook_deliveries
from shared.adapters.postgres.transaction import Transaction
from shared.domain.webhooks import Delivery, Verdict
from shared.ports.pages import Page

_C = webhook_deliveries.c


class SqlDeliveries:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, webhook_deliveries, Delivery)

    def record(self, delivery: Delivery) -> tuple[Delivery, bool]:
        if self._tx.insert_new(webhook_deliveries, values(delivery)):
            return delivery, True
        stored = self._rows.one(
            self._rows.where(
                organization_id=delivery.organization_id,
                hook_id=delivery.hook_id,
                delivery_id=delivery.delivery_id,
            )
        )
        return stored or delivery, False

    def get(self, organization_id: UUID, delivery_id: UUID) -> Delivery:
        return self._rows.get(organization_id, delivery_id)

    def lock(self, organization_id: UUID, delivery_id: UUID) -> Delivery:
        return self._rows.get(organization_id, delivery_id, lock=True)

    def save(self, delivery: Delivery) -> None:
        self._rows.update(delivery)

    def known(
        self, organization_id: UUID, hook_id: UUID, delivery_ids: Collection[str]
    ) -> set[str]:
        query = select(_C.delivery_id).where(
            _C.organization_id == organization_id,
            _C.hook_id == hook_id,
            _C.delivery_id.in_(delivery_ids),
        )
        return {row.delivery_id for row in self._tx.rows(query)}

    def list(
        self, organization_id: UUID, state: str | None, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        query = self._rows.where(organization_id=organization_id)
        if state in set(Verdict):
            query = query.where(_C.verdict == Verdict(state))
        elif state is not None:
            query = query.where(_C.verdict.is_(None), _C.dead.is_(state == "dead"))
        return self._rows.page(query, limit, cursor, newest_first=True)

    def newest(self, organization_id: UUID, hook_id: UUID, limit: int) -> Sequence[Delivery]:
        query = self._rows.where(organization_id=organization_id, hook_id=hook_id)
        return self._rows.all(query.order_by(_C.created_at.desc(), _C.id.desc()).limit(limit))

    def waiting(self, organization_id: UUID, hook_id: UUID, limit: int) -> Sequence[Delivery]:
        query = self._rows.where(
            _C.verdict.is_(None),
            _C.dead.is_(False),
            organization_id=organization_id,
            hook_id=hook_id,
        )
        return self._rows.all(query.order_by(_C.created_at, _C.id).limit(limit))

    def undecided_everywhere(self, queued_before: datetime, limit: int) -> Sequence[Delivery]:
        query = self._rows.where(
            _C.verdict.is_(None),
            _C.dead.is_(False),
            or_(_C.queued_at.is_(None), _C.queued_at < queued_before),
        )
        return self._rows.all(query.order_by(_C.created_at, _C.id).limit(limit))

    def prune_everywhere(self, before: datetime) -> int:
        old = (_C.created_at < before) & _C.verdict.is_not(None)
        return self._tx.changed(delete(webhook_deliveries).where(old))

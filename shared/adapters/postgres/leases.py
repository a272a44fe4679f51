"""Leases and the lines of those who wait for them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.work import lease_waiters, leases
from shared.adapters.postgres.transaction import Transaction
from shared.domain.errors import NotFound, StaleFence
from shared.domain.leases import Lease, Waiter

_KEY = ("organization_id", "service_id")


class SqlLeases:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, leases, Lease, key=_KEY)
        self._line = Entities(transaction, lease_waiters, Waiter, key=(*_KEY, "deployment_id"))

    def lock(self, organization_id: UUID, service_id: UUID) -> Lease:
        try:
            return self._rows.get(organization_id, service_id, lock=True)
        except NotFound:
            fresh = Lease(organization_id, service_id, number=0)
            self._tx.insert_new(leases, values(fresh))
            return self._rows.get(organization_id, service_id, lock=True)

    def save(self, lease: Lease) -> None:
        self._rows.update(lease)

    def check(self, organization_id: UUID, service_id: UUID, number: int) -> None:
        """Shares the row until the end: the lease changes hands before or after, not during."""
        query = self._rows.where(organization_id=organization_id, service_id=service_id)
        lease = self._rows.one(query.with_for_update(read=True))
        if lease is None or lease.holder is None or lease.number != number:
            held = "nobody" if lease is None or lease.holder is None else f"number {lease.number}"
            raise StaleFence(
                f"a newer deployment took over: the service's lease is held by {held}, "
                f"and this is number {number}"
            )

    def enqueue(self, waiter: Waiter) -> None:
        keys = (*_KEY, "deployment_id")
        self._tx.put(lease_waiters, keys, values(waiter))

    def waiters(self, organization_id: UUID, service_id: UUID) -> Sequence[Waiter]:
        query = self._line.where(organization_id=organization_id, service_id=service_id)
        return self._line.all(query.order_by(lease_waiters.c.deployment_number))

    def leave(self, organization_id: UUID, service_id: UUID, deployment_id: UUID) -> None:
        self._tx.execute(
            delete(lease_waiters).where(
                lease_waiters.c.organization_id == organization_id,
                lease_waiters.c.service_id == service_id,
                lease_waiters.c.deployment_id == deployment_id,
            )
        )

    def held_everywhere(self) -> Sequence[Lease]:
        query = self._rows.where(leases.c.holder.is_not(None))
        return self._rows.all(query.order_by(leases.c.acquired_at))

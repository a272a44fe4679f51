"""The audit log in the database."""

from typing import Any
from uuid import UUID

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.idempotency import mark_committed
from shared.adapters.postgres.tables.access import audit_events
from shared.adapters.postgres.transaction import Transaction
from shared.domain.audit import Act, AuditEvent
from shared.ports.access import AuditFilter
from shared.ports.pages import Page


def write_act(transaction: Transaction, act: Act | None) -> bool:
    """Write the request's row if its transaction changed or revealed something; whether it did."""
    if act is None or not transaction.wrote:
        return False
    event = act.event()
    if event is not None:
        Entities(transaction, audit_events, AuditEvent).insert(event)
        if act.claim is not None:
            mark_committed(transaction, act.claim, event)
    return event is not None


class SqlAudit:
    def __init__(self, transaction: Transaction, act: Act | None = None) -> None:
        self._tx = transaction
        self._act = act
        self._rows = Entities(transaction, audit_events, AuditEvent)

    def about(self, kind: str, id: object, name: str | None = None, **detail: Any) -> None:
        if self._act is not None:
            self._act.resource = (kind, str(id), name)
            self._act.detail |= detail

    def read(self, kind: str, id: object, name: str | None = None, **detail: Any) -> None:
        self.about(kind, id, name, **detail)
        self._tx.wrote = True

    def add(self, event: AuditEvent) -> None:
        self._rows.insert(event)

    def list(
        self, organization_id: UUID, wanted: AuditFilter, limit: int, cursor: str | None
    ) -> Page[AuditEvent]:
        columns = audit_events.c
        query = self._rows.where(organization_id=organization_id)
        equal = {
            columns.actor_id: wanted.actor,
            columns.action: wanted.action,
            columns.resource_kind: wanted.resource_kind,
            columns.resource_id: wanted.resource_id,
        }
        for column, value in equal.items():
            if value is not None:
                query = query.where(column == value)
        if wanted.since is not None:
            query = query.where(columns.created_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(columns.created_at < wanted.until)
        return self._rows.page(query, limit, cursor, newest_first=True)

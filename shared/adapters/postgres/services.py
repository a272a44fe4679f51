"""Services in the database."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.catalogue import services
from shared.adapters.postgres.transaction import Transaction
from shared.domain.services import Service
from shared.ports.pages import Page


class SqlServices:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, services, Service)

    def add(self, service: Service) -> Service:
        ordinal = self._rows.transaction.next_number("service_ordinal")
        added = replace(service, ordinal=ordinal)
        self._rows.insert(added, taken=_taken(service))
        return added

    def get(self, organization_id: UUID, service_id: UUID) -> Service:
        return self._rows.get(organization_id, service_id)

    def lock(self, organization_id: UUID, service_id: UUID) -> Service:
        return self._rows.get(organization_id, service_id, lock=True)

    def list(
        self, organization_id: UUID, project_id: UUID, limit: int, cursor: str | None
    ) -> Page[Service]:
        query = self._rows.where(organization_id=organization_id, project_id=project_id)
        return self._rows.page(query, limit, cursor)

    def save(self, service: Service) -> Service:
        self._rows.update(
            service,
            taken=_taken(service),
            computed={"version": services.c.version + 1, "ordinal": services.c.ordinal},
        )
        return replace(service, version=service.version + 1)

    def remove(self, organization_id: UUID, service_id: UUID) -> None:
        mine = (services.c.organization_id == organization_id) & (services.c.id == service_id)
        self._rows.transaction.execute(delete(services).where(mine))

    def all_everywhere(self) -> Sequence[Service]:
        return self._rows.all(self._rows.where().order_by(services.c.created_at, services.c.id))


def _taken(service: Service) -> str:
    return f"the project has a service {service.slug!r} already: choose another name"

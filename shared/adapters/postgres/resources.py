"""Resources of the saga in the database."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.outside import resources
from shared.adapters.postgres.transaction import Transaction
from shared.domain.resources import Resource, ResourceState
from shared.ports.pages import Page

_PRESENT = resources.c.state != ResourceState.REMOVED


class SqlResources:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, resources, Resource)

    def plan(self, resource: Resource) -> Resource:
        if self._tx.insert_new(resources, values(resource)):
            return resource
        return self.get(resource.organization_id, resource.id)

    def get(self, organization_id: UUID, resource_id: UUID) -> Resource:
        return self._rows.get(organization_id, resource_id)

    def save(self, resource: Resource) -> None:
        self._rows.update(resource)

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Resource]:
        query = self._rows.where(
            _PRESENT, organization_id=organization_id, deployment_id=deployment_id
        )
        return self._rows.all(_newest_first(query))

    def of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Resource]:
        query = self._rows.where(_PRESENT, organization_id=organization_id, service_id=service_id)
        return self._rows.all(_newest_first(query))

    def list(
        self, organization_id: UUID, state: ResourceState | None, limit: int, cursor: str | None
    ) -> Page[Resource]:
        query = self._rows.where(organization_id=organization_id)
        if state is not None:
            query = query.where(resources.c.state == state)
        return self._rows.page(query, limit, cursor)

    def present_everywhere(self) -> Sequence[Resource]:
        query = self._rows.where(_PRESENT)
        return self._rows.all(query.order_by(resources.c.created_at, resources.c.id))

    def count_everywhere(self, state: ResourceState) -> int:
        return int(self._tx.scalar(select(func.count()).where(resources.c.state == state)) or 0)


def _newest_first(query: Select[Any]) -> Select[Any]:
    return query.order_by(resources.c.created_at.desc(), resources.c.id.desc())

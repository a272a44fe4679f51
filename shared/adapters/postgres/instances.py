"""Instances in the database."""

from collections.abc import Sequence
from uuid import UUID

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.delivery import instances
from shared.adapters.postgres.transaction import Transaction
from shared.domain.releases import Instance, InstanceRole


class SqlInstances:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, instances, Instance)

    def add(self, instance: Instance) -> None:
        self._rows.insert(instance, taken=_taken(instance), occupied_slot=_occupied(instance))

    def get(self, organization_id: UUID, instance_id: UUID) -> Instance:
        return self._rows.get(organization_id, instance_id)

    def of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Instance]:
        query = self._rows.where(
            instances.c.occupied_slot.is_not(None),
            organization_id=organization_id,
            service_id=service_id,
        )
        return self._rows.all(query.order_by(instances.c.created_at, instances.c.id))

    def save(self, instance: Instance) -> None:
        self._rows.update(instance, taken=_taken(instance), occupied_slot=_occupied(instance))

    def present_everywhere(self) -> Sequence[Instance]:
        query = self._rows.where(instances.c.occupied_slot.is_not(None))
        return self._rows.all(query.order_by(instances.c.created_at, instances.c.id))


def _occupied(instance: Instance) -> int | None:
    return None if instance.role is InstanceRole.GONE else instance.slot


def _taken(instance: Instance) -> str:
    return f"slot {instance.slot} of the service is taken by an instance that is not gone"

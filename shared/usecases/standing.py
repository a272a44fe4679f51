"""What would be lost if the platform went now: services that run, deployments under way."""

from dataclasses import dataclass
from uuid import UUID

from shared.ports.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class Standing:
    """`running` names services with an instance outside, `deploying` those being deployed."""

    running: list[str]
    deploying: list[str]


def standing(*, uow: UnitOfWork) -> Standing:
    """Across all organisations, by the services' slugs."""
    with uow:
        names = {service.id: service.slug for service in uow.services.all_everywhere()}
        running = {instance.service_id for instance in uow.instances.present_everywhere()}
        deploying = {each.service_id for each in uow.deployments.unfinished_everywhere()}

    def named(ids: set[UUID]) -> list[str]:
        return sorted(names.get(id_, str(id_)) for id_ in ids)

    return Standing(named(running), named(deploying))

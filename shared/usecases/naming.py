"""Names inside a project: a service's leads to the instance that serves, and to no other."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from uuid import UUID

from shared.domain.errors import NotFound, PlatformError
from shared.domain.releases import Instance, InstanceRole
from shared.ports.compute import Names
from shared.ports.store import UnitOfWork

_Settlement = frozenset[tuple[UUID, str, bool]]
"""Of each instance its id, what the provider calls it, and whether it serves."""


class SettledNames:
    """What this process settled, so that only changes ask the provider. One change at a time."""

    def __init__(self) -> None:
        self._changing = Lock()
        self._done: dict[UUID, _Settlement] = {}

    @contextmanager
    def changing(self) -> Iterator[dict[UUID, _Settlement]]:
        """Nobody else settles meanwhile, so that an older view never undoes a newer one."""
        with self._changing:
            yield self._done


def settle_names(
    organization_id: UUID,
    service_id: UUID,
    *,
    uow: UnitOfWork,
    names: Names,
    settled: SettledNames,
) -> bool:
    """Publish the serving instance's name, then withdraw it from the others.

    Whether anything had to be asked of the provider. Does nothing while no instance serves.
    """
    with settled.changing() as done:
        with uow:
            instances = uow.instances.of_service(organization_id, service_id)
            slug = uow.services.get(organization_id, service_id).slug
        wanted = _settlement(instances)
        if done.get(service_id) == wanted or not any(serves for _, _, serves in wanted):
            return False
        _apply(instances, slug, names)
        done[service_id] = wanted
        return True


def settle_all_names(*, uow: UnitOfWork, names: Names, settled: SettledNames) -> int:
    """Settle every service whose instances changed; how many. Raises the first failure last."""
    with uow:
        present = uow.instances.present_everywhere()
    by_service: dict[tuple[UUID, UUID], list[Instance]] = {}
    for instance in present:
        by_service.setdefault((instance.organization_id, instance.service_id), []).append(instance)
    with settled.changing() as done:
        for gone in done.keys() - {service for _, service in by_service}:
            del done[gone]
        changed = [
            key for key, found in by_service.items() if done.get(key[1]) != _settlement(found)
        ]
    count, failure = 0, None
    for organization_id, service_id in changed:
        try:
            count += settle_names(
                organization_id, service_id, uow=uow, names=names, settled=settled
            )
        except PlatformError as error:
            failure = failure or error
    if failure is not None:
        raise failure
    return count


def _settlement(instances: Sequence[Instance]) -> _Settlement:
    return frozenset(
        (i.id, i.provider_id, i.role is InstanceRole.SERVING) for i in instances if i.provider_id
    )


def _apply(instances: Sequence[Instance], slug: str, names: Names) -> None:
    made = [(i, i.provider_id) for i in instances if i.provider_id]
    for instance, provider_id in made:
        if instance.role is InstanceRole.SERVING:
            # What is gone is made again, under another id, and settled then.
            with suppress(NotFound):
                names.publish_name(provider_id, instance.project_id, slug)
    for instance, provider_id in made:
        if instance.role is not InstanceRole.SERVING:
            names.withdraw_name(provider_id, instance.project_id)

"""Releases and instances in memory."""

from collections.abc import Sequence
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.releases import Instance, InstanceRole, Release, ReleaseState
from tests.fakes.store_entities import position
from tests.fakes.store_rows import Rows, require


class FakeReleases:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, release: Release) -> None:
        tables = self._rows.tables
        require(tables.deployments, (release.organization_id, release.deployment_id))
        for other in tables.releases.values():
            if (other.service_id, other.number) == (release.service_id, release.number):
                raise Conflict(f"the service has a release number {release.number} already")
        tables.releases[release.organization_id, release.id] = release

    def get(self, organization_id: UUID, release_id: UUID) -> Release:
        return require(self._rows.tables.releases, (organization_id, release_id))

    def _newest_first(self, organization_id: UUID) -> list[Release]:
        rows = self._rows.tables.releases.values()
        mine = (release for release in rows if release.organization_id == organization_id)
        return sorted(mine, key=lambda release: release.number, reverse=True)

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Release | None:
        for release in self._newest_first(organization_id):
            if release.deployment_id == deployment_id:
                return release
        return None

    def next_number(self, organization_id: UUID, service_id: UUID) -> int:
        require(self._rows.tables.services, (organization_id, service_id))
        rows = self._newest_first(organization_id)
        return max((r.number for r in rows if r.service_id == service_id), default=0) + 1

    def served(self, organization_id: UUID, service_id: UUID, limit: int) -> Sequence[Release]:
        been_live = {ReleaseState.LIVE, ReleaseState.RETIRED}
        rows = self._newest_first(organization_id)
        return [r for r in rows if r.service_id == service_id and r.state in been_live][:limit]

    def save(self, release: Release) -> None:
        self.get(release.organization_id, release.id)
        self._rows.tables.releases[release.organization_id, release.id] = release

    def all_everywhere(self) -> Sequence[Release]:
        return sorted(self._rows.tables.releases.values(), key=position)


class FakeInstances:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, instance: Instance) -> None:
        require(self._rows.tables.releases, (instance.organization_id, instance.release_id))
        self._occupy(instance)

    def _occupy(self, instance: Instance) -> None:
        if instance.role is not InstanceRole.GONE:
            for other in self.of_service(instance.organization_id, instance.service_id):
                if other.slot == instance.slot and other.id != instance.id:
                    raise Conflict(f"slot {instance.slot} of the service is taken")
        self._rows.tables.instances[instance.organization_id, instance.id] = instance

    def get(self, organization_id: UUID, instance_id: UUID) -> Instance:
        return require(self._rows.tables.instances, (organization_id, instance_id))

    def of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Instance]:
        owner = (organization_id, service_id)
        return [i for i in self.present_everywhere() if (i.organization_id, i.service_id) == owner]

    def save(self, instance: Instance) -> None:
        self.get(instance.organization_id, instance.id)
        self._occupy(instance)

    def present_everywhere(self) -> Sequence[Instance]:
        rows = self._rows.tables.instances.values()
        return sorted((i for i in rows if i.role is not InstanceRole.GONE), key=position)

"""Variables, routes and resources in memory."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from shared.adapters.postgres import cursors
from shared.domain.errors import Conflict, NotFound, StaleGeneration
from shared.domain.resources import Resource, ResourceState
from shared.domain.routes import Route
from shared.domain.variables import EnvVersion, Link, Variable
from shared.ports.pages import Page
from tests.fakes.store_entities import paged, position
from tests.fakes.store_rows import Rows, require


class FakeVariables:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, variable: Variable) -> None:
        tables = self._rows.tables
        owner = (variable.organization_id, variable.service_id)
        require(tables.services, owner)
        self._end(*owner, variable.key, variable.version)
        tables.variables[*owner, variable.key, variable.version] = variable

    def _end(self, organization_id: UUID, service_id: UUID, key: str, version: int) -> bool:
        rows = self._rows.tables.variables
        for found, kept in list(rows.items()):
            if found[:3] == (organization_id, service_id, key) and kept.removed_in is None:
                rows[found] = replace(kept, removed_in=version)
                return True
        return False

    def drop(self, organization_id: UUID, service_id: UUID, key: str, version: int) -> None:
        if not self._end(organization_id, service_id, key, version):
            raise NotFound(f"the service has no variable {key!r}")

    def at(self, organization_id: UUID, service_id: UUID, version: int) -> Sequence[Variable]:
        owner = (organization_id, service_id)
        rows = self._rows.tables.variables.items()
        alive = [v for key, v in rows if key[:2] == owner and v.alive_at(version)]
        return sorted(alive, key=lambda variable: variable.key)

    def between(
        self, organization_id: UUID, service_id: UUID, first: int, last: int
    ) -> Sequence[Variable]:
        owner, numbers = (organization_id, service_id), range(first, last + 1)
        found = [
            v
            for key, v in self._rows.tables.variables.items()
            if key[:2] == owner and (v.version in numbers or v.removed_in in numbers)
        ]
        return sorted(found, key=lambda v: (v.key, v.version))

    def record(self, version: EnvVersion) -> None:
        rows = self._rows.tables.env_versions
        key = (version.organization_id, version.service_id, version.number)
        require(self._rows.tables.services, key[:2])
        if key in rows:
            raise Conflict("the variables have been changed in the meantime: try again")
        rows[key] = version

    def version(self, organization_id: UUID, service_id: UUID, number: int) -> EnvVersion:
        return require(self._rows.tables.env_versions, (organization_id, service_id, number))

    def versions(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[EnvVersion]:
        before = cursors.decode_number(cursor) if cursor is not None else float("inf")
        rows = self._rows.tables.env_versions.items()
        owner = (organization_id, service_id)
        mine = [v for key, v in rows if key[:2] == owner and v.number < before]
        ordered = sorted(mine, key=lambda v: -v.number)
        return cursors.numbered_page(ordered[: limit + 1], limit, lambda v: v.number)

    def links(self, organization_id: UUID, project_id: UUID) -> Sequence[Link]:
        services = self._rows.tables.services
        found = [
            Link(v.service_id, v.key, v.secret, v.refers_to)
            for (owner, service_id, _, _), v in self._rows.tables.variables.items()
            if owner == organization_id
            and v.removed_in is None
            and services[owner, service_id].project_id == project_id
        ]
        return sorted(found, key=lambda link: (link.service_id, link.key))


class FakeRoutes:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def next_generation(self, organization_id: UUID, service_id: UUID) -> int:
        tables = self._rows.tables
        require(tables.services, (organization_id, service_id))
        route = tables.routes.get((organization_id, service_id))
        return route.generation + 1 if route else 1

    def save(self, route: Route) -> None:
        tables = self._rows.tables
        owner = (route.organization_id, route.service_id)
        require(tables.services, owner)
        kept = tables.routes.get(owner)
        if kept is not None and kept.generation > route.generation:
            raise StaleGeneration("a newer route of the service is stored")
        for other, row in tables.routes.items():
            for host in set(route.hosts) & set(row.hosts):
                if other != owner:
                    raise Conflict(f"the host name {host} belongs to another service")
        tables.routes[owner] = route

    def get(self, organization_id: UUID, service_id: UUID) -> Route:
        return require(self._rows.tables.routes, (organization_id, service_id))

    def remove(self, organization_id: UUID, service_id: UUID) -> None:
        self._rows.tables.routes.pop((organization_id, service_id), None)

    def all_everywhere(self) -> Sequence[Route]:
        return list(self._rows.tables.routes.values())


class FakeResources:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def plan(self, resource: Resource) -> Resource:
        rows = self._rows.tables.resources
        return rows.setdefault((resource.organization_id, resource.id), resource)

    def get(self, organization_id: UUID, resource_id: UUID) -> Resource:
        return require(self._rows.tables.resources, (organization_id, resource_id))

    def save(self, resource: Resource) -> None:
        self.get(resource.organization_id, resource.id)
        self._rows.tables.resources[resource.organization_id, resource.id] = resource

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Resource]:
        mine = self._present(organization_id)
        return [resource for resource in mine if resource.deployment_id == deployment_id]

    def of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Resource]:
        mine = self._present(organization_id)
        return [resource for resource in mine if resource.service_id == service_id]

    def list(
        self, organization_id: UUID, state: ResourceState | None, limit: int, cursor: str | None
    ) -> Page[Resource]:
        mine = [
            resource
            for resource in self._rows.tables.resources.values()
            if resource.organization_id == organization_id and state in (None, resource.state)
        ]
        return paged(mine, limit, cursor)

    def _present(self, organization_id: UUID) -> Sequence[Resource]:
        newest_first = reversed(self.present_everywhere())
        return [r for r in newest_first if r.organization_id == organization_id]

    def present_everywhere(self) -> Sequence[Resource]:
        rows = self._rows.tables.resources.values()
        present = (r for r in rows if r.state is not ResourceState.REMOVED)
        return sorted(present, key=position)

    def count_everywhere(self, state: ResourceState) -> int:
        return sum(r.state is state for r in self._rows.tables.resources.values())

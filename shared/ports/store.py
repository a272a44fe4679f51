"""The store: one transaction, and the repositories that work inside it.

Every query takes the organisation first; what belongs to another organisation is not there.
Methods named `*_everywhere` serve the platform's own schedules and cross organisations.
`get` and `lock` raise NotFound. `lock` also holds the row until the transaction ends.
`save` writes every field of a row that is there and raises NotFound when it is not; where an
entity has a `version`, that grows by one with each save and the answer carries the new one.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self
from uuid import UUID

if TYPE_CHECKING:
    from shared.domain.deployments import Deployment, Placed
    from shared.domain.leases import Lease, Waiter
    from shared.domain.projects import Project
    from shared.domain.releases import Instance, Release
    from shared.domain.resources import Resource, ResourceState
    from shared.domain.routes import Route
    from shared.domain.services import Service
    from shared.domain.variables import EnvVersion, Link, Variable
    from shared.ports.access import Audit, Canvases, Tokens
    from shared.ports.ledger import Logs, Steps
    from shared.ports.pages import Page
    from shared.ports.repositories import (
        Authorizations,
        Connections,
        Deliveries,
        Hooks,
        Listings,
        Previews,
        Reports,
        Sources,
    )
    from shared.ports.sign_in import Grants, Members
    from shared.ports.work import Agents, Jobs, Registrations


class Projects(Protocol):
    def add(self, project: Project) -> None:
        """Raises Conflict when the organisation has the slug already."""

    def get(self, organization_id: UUID, project_id: UUID) -> Project: ...

    def lock(self, organization_id: UUID, project_id: UUID) -> Project: ...

    def find(self, organization_id: UUID, slug: str) -> Project | None: ...

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[Project]:
        """Oldest first. Raises BadRequest for a cursor that is none of ours."""

    def save(self, project: Project) -> Project: ...

    def remove(self, organization_id: UUID, project_id: UUID) -> None:
        """Delete the row and all that hangs on it. Removing twice is fine."""

    def deleting_everywhere(self) -> Sequence[Project]: ...


class Services(Protocol):
    def add(self, service: Service) -> Service:
        """The service with its ordinal assigned (unique on the platform, from 1).

        Raises Conflict when the project has the slug already.
        """

    def get(self, organization_id: UUID, service_id: UUID) -> Service: ...

    def lock(self, organization_id: UUID, service_id: UUID) -> Service: ...

    def list(
        self, organization_id: UUID, project_id: UUID, limit: int, cursor: str | None
    ) -> Page[Service]: ...

    def save(self, service: Service) -> Service: ...

    def remove(self, organization_id: UUID, service_id: UUID) -> None: ...

    def all_everywhere(self) -> Sequence[Service]: ...


class Deployments(Protocol):
    def add(self, deployment: Deployment) -> None: ...

    def get(self, organization_id: UUID, deployment_id: UUID) -> Deployment: ...

    def placed(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        """The deployment with what is shown around it, in one statement. Raises NotFound."""

    def lock(self, organization_id: UUID, deployment_id: UUID) -> Deployment: ...

    def list(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[Deployment]:
        """Newest first."""

    def unfinished(self, organization_id: UUID, service_id: UUID) -> Sequence[Deployment]:
        """Those not in a terminal state, oldest first."""

    def save(self, deployment: Deployment) -> Deployment: ...

    def unfinished_everywhere(self) -> Sequence[Deployment]: ...


class Releases(Protocol):
    def add(self, release: Release) -> None: ...

    def get(self, organization_id: UUID, release_id: UUID) -> Release: ...

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Release | None: ...

    def next_number(self, organization_id: UUID, service_id: UUID) -> int: ...

    def served(self, organization_id: UUID, service_id: UUID, limit: int) -> Sequence[Release]:
        """Releases that have been live, newest first."""

    def save(self, release: Release) -> None: ...

    def all_everywhere(self) -> Sequence[Release]: ...


class Instances(Protocol):
    def add(self, instance: Instance) -> None:
        """Raises Conflict when the service's slot is taken by one that is not gone."""

    def get(self, organization_id: UUID, instance_id: UUID) -> Instance: ...

    def of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Instance]:
        """Those not gone, oldest first."""

    def save(self, instance: Instance) -> None: ...

    def present_everywhere(self) -> Sequence[Instance]:
        """Those not gone."""


class Variables(Protocol):
    def put(self, variable: Variable) -> None:
        """Set a key as of `variable.version`, ending the value that was there."""

    def drop(self, organization_id: UUID, service_id: UUID, key: str, version: int) -> None:
        """End a key's value as of `version`. Raises NotFound when there is none."""

    def at(self, organization_id: UUID, service_id: UUID, version: int) -> Sequence[Variable]:
        """The whole set of that version, by key."""

    def between(
        self, organization_id: UUID, service_id: UUID, first: int, last: int
    ) -> Sequence[Variable]:
        """Values that began or ended in one of these versions, by key and version."""

    def record(self, version: EnvVersion) -> None:
        """Say who made a version. Raises Conflict when it is there."""

    def version(self, organization_id: UUID, service_id: UUID, number: int) -> EnvVersion:
        """Raises NotFound."""

    def versions(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[EnvVersion]:
        """Newest first."""

    def links(self, organization_id: UUID, project_id: UUID) -> Sequence[Link]:
        """What is set now on the services of a project, without values."""


class Routes(Protocol):
    """One row per service: its public names and what stands behind them."""

    def next_generation(self, organization_id: UUID, service_id: UUID) -> int:
        """The number the next route must carry, from 1; nobody else gets one until the
        transaction ends."""

    def save(self, route: Route) -> None:
        """Add or replace the service's route.

        Raises StaleGeneration when a newer one is stored, Conflict when one of its hosts
        belongs to another service (of any organisation).
        """

    def get(self, organization_id: UUID, service_id: UUID) -> Route: ...

    def remove(self, organization_id: UUID, service_id: UUID) -> None:
        """Give the names back. Removing twice is fine."""

    def all_everywhere(self) -> Sequence[Route]: ...


class Resources(Protocol):
    def plan(self, resource: Resource) -> Resource:
        """Record it before it is made; the same id again answers the row that is there."""

    def get(self, organization_id: UUID, resource_id: UUID) -> Resource: ...

    def save(self, resource: Resource) -> None: ...

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Resource]:
        """Not removed ones, newest first: the order of undoing."""

    def of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Resource]:
        """Not removed ones, newest first."""

    def list(
        self, organization_id: UUID, state: ResourceState | None, limit: int, cursor: str | None
    ) -> Page[Resource]: ...

    def present_everywhere(self) -> Sequence[Resource]: ...

    def count_everywhere(self, state: ResourceState) -> int: ...


class Leases(Protocol):
    def lock(self, organization_id: UUID, service_id: UUID) -> Lease:
        """The service's lease, made on first use, held until the transaction ends."""

    def save(self, lease: Lease) -> None: ...

    def check(self, organization_id: UUID, service_id: UUID, number: int) -> None:
        """Raises StaleFence unless `number` is the lease's own and it is held."""

    def enqueue(self, waiter: Waiter) -> None:
        """Join the line; joining twice keeps the newer token."""

    def waiters(self, organization_id: UUID, service_id: UUID) -> Sequence[Waiter]:
        """Oldest deployment number first."""

    def leave(self, organization_id: UUID, service_id: UUID, deployment_id: UUID) -> None: ...

    def held_everywhere(self) -> Sequence[Lease]: ...


class UnitOfWork(Protocol):
    """One transaction: the block's end commits, an exception rolls back.

    Entering again after leaving begins a new one; entering inside is an error.
    """

    projects: Projects
    services: Services
    deployments: Deployments
    steps: Steps
    logs: Logs
    releases: Releases
    instances: Instances
    variables: Variables
    routes: Routes
    resources: Resources
    leases: Leases
    jobs: Jobs
    agents: Agents
    registrations: Registrations
    tokens: Tokens
    audit: Audit
    canvases: Canvases
    members: Members
    grants: Grants
    connections: Connections
    sources: Sources
    hooks: Hooks
    authorizations: Authorizations
    listings: Listings
    deliveries: Deliveries
    reports: Reports
    previews: Previews

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def unrecorded(self) -> UnitOfWork:
        """Transactions beside this one that are no act of the request's own."""

    def notify(self, channel: str, payload: str) -> None:
        """Wake whoever listens on `channel`, when and only when this transaction commits."""

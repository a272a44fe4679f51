"""Projects, services, deployments and steps in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol, TypeVar
from uuid import UUID

from shared.adapters.postgres import cursors
from shared.domain.deployments import Deployment, Placed, Step, StepOutcome
from shared.domain.errors import Conflict
from shared.domain.ids import now
from shared.domain.projects import Project
from shared.domain.services import Service
from shared.ports.pages import Page
from tests.fakes.store_rows import Rows, require


class Listed(Protocol):
    @property
    def id(self) -> UUID: ...

    @property
    def created_at(self) -> datetime: ...


L = TypeVar("L", bound=Listed)


def position(item: Listed) -> cursors.Position:
    return cursors.Position(item.created_at, item.id)


def paged(
    items: Sequence[L], limit: int, cursor: str | None, *, newest_first: bool = False
) -> Page[L]:
    ordered = sorted(items, key=position, reverse=newest_first)
    if cursor is not None:
        after = cursors.decode(cursor)
        ordered = [
            item
            for item in ordered
            if (position(item) < after if newest_first else position(item) > after)
        ]
    return cursors.page(ordered[: limit + 1], limit, position)


class FakeProjects:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, project: Project) -> None:
        if self.find(project.organization_id, project.slug):
            raise Conflict(f"the organisation has a project {project.slug!r} already")
        self._rows.tables.projects[project.organization_id, project.id] = project

    def get(self, organization_id: UUID, project_id: UUID) -> Project:
        return require(self._rows.tables.projects, (organization_id, project_id))

    lock = get

    def find(self, organization_id: UUID, slug: str) -> Project | None:
        for (owner, _), project in self._rows.tables.projects.items():
            if owner == organization_id and project.slug == slug:
                return project
        return None

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[Project]:
        rows = self._rows.tables.projects.values()
        mine = [project for project in rows if project.organization_id == organization_id]
        return paged(mine, limit, cursor)

    def save(self, project: Project) -> Project:
        kept = self.get(project.organization_id, project.id)
        saved = replace(project, version=kept.version + 1)
        self._rows.tables.projects[project.organization_id, project.id] = saved
        return saved

    def remove(self, organization_id: UUID, project_id: UUID) -> None:
        services = FakeServices(self._rows)
        for service in services.all_everywhere():
            if (service.organization_id, service.project_id) == (organization_id, project_id):
                services.remove(organization_id, service.id)
        for rows in (self._rows.tables.projects, self._rows.tables.canvases):
            rows.pop((organization_id, project_id), None)

    def deleting_everywhere(self) -> Sequence[Project]:
        rows = self._rows.tables.projects.values()
        return sorted((project for project in rows if project.deleting), key=position)


class FakeServices:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, service: Service) -> Service:
        tables = self._rows.tables
        require(tables.projects, (service.organization_id, service.project_id))
        for other in tables.services.values():
            if (other.project_id, other.slug) == (service.project_id, service.slug):
                raise Conflict(f"the project has a service {service.slug!r} already")
        tables.last_ordinal += 1
        added = replace(service, ordinal=tables.last_ordinal)
        tables.services[service.organization_id, service.id] = added
        return added

    def get(self, organization_id: UUID, service_id: UUID) -> Service:
        return require(self._rows.tables.services, (organization_id, service_id))

    lock = get

    def list(
        self, organization_id: UUID, project_id: UUID, limit: int, cursor: str | None
    ) -> Page[Service]:
        of_project = [
            service
            for service in self._rows.tables.services.values()
            if (service.organization_id, service.project_id) == (organization_id, project_id)
        ]
        return paged(of_project, limit, cursor)

    def save(self, service: Service) -> Service:
        kept = self.get(service.organization_id, service.id)
        saved = replace(service, version=kept.version + 1, ordinal=kept.ordinal)
        self._rows.tables.services[service.organization_id, service.id] = saved
        return saved

    def remove(self, organization_id: UUID, service_id: UUID) -> None:
        self._rows.remove_service(organization_id, service_id)

    def all_everywhere(self) -> Sequence[Service]:
        return sorted(self._rows.tables.services.values(), key=position)


class FakeDeployments:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, deployment: Deployment) -> None:
        tables = self._rows.tables
        require(tables.services, (deployment.organization_id, deployment.service_id))
        for other in tables.deployments.values():
            if (other.service_id, other.number) == (deployment.service_id, deployment.number):
                raise Conflict(f"the service has a deployment number {deployment.number} already")
        tables.deployments[deployment.organization_id, deployment.id] = deployment

    def get(self, organization_id: UUID, deployment_id: UUID) -> Deployment:
        return require(self._rows.tables.deployments, (organization_id, deployment_id))

    lock = get

    def placed(self, organization_id: UUID, deployment_id: UUID) -> Placed:
        tables = self._rows.tables
        found = self.get(organization_id, deployment_id)
        lease = tables.leases.get((organization_id, found.service_id))
        holder = self.get(organization_id, lease.holder) if lease and lease.holder else None
        return Placed(
            found,
            require(tables.services, (organization_id, found.service_id)).slug,
            require(tables.projects, (organization_id, found.project_id)).slug,
            holder and holder.number,
            holder and holder.state,
        )

    def _of_service(self, organization_id: UUID, service_id: UUID) -> list[Deployment]:
        return [
            deployment
            for deployment in self._rows.tables.deployments.values()
            if (deployment.organization_id, deployment.service_id) == (organization_id, service_id)
        ]

    def list(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[Deployment]:
        return paged(
            self._of_service(organization_id, service_id), limit, cursor, newest_first=True
        )

    def unfinished(self, organization_id: UUID, service_id: UUID) -> Sequence[Deployment]:
        found = [d for d in self._of_service(organization_id, service_id) if not d.terminal]
        return sorted(found, key=lambda deployment: deployment.number)

    def save(self, deployment: Deployment) -> Deployment:
        kept = self.get(deployment.organization_id, deployment.id)
        saved = replace(deployment, version=kept.version + 1)
        self._rows.tables.deployments[deployment.organization_id, deployment.id] = saved
        return saved

    def unfinished_everywhere(self) -> Sequence[Deployment]:
        rows = self._rows.tables.deployments.values()
        return sorted((d for d in rows if not d.terminal), key=position)


class FakeSteps:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def begin(self, step: Step) -> None:
        tables = self._rows.tables
        require(tables.deployments, (step.organization_id, step.deployment_id))
        key = (step.organization_id, step.deployment_id, step.attempt, step.name)
        kept = tables.steps.get(key)
        if kept is None:
            tables.steps[key] = step
            return
        tables.steps[key] = replace(
            kept,
            tries=kept.tries + 1,
            outcome=StepOutcome.RUNNING,
            ended_at=None,
            error=None,
            reason=None,
        )

    def end(
        self,
        organization_id: UUID,
        deployment_id: UUID,
        attempt: int,
        name: str,
        outcome: StepOutcome,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        steps = self._rows.tables.steps
        key = (organization_id, deployment_id, attempt, name)
        step = steps.get(key)
        if step is not None and step.outcome is StepOutcome.RUNNING:
            steps[key] = replace(step, outcome=outcome, ended_at=now(), error=error, reason=reason)

    def end_open(
        self,
        organization_id: UUID,
        deployment_id: UUID,
        attempt: int,
        outcome: StepOutcome,
        *,
        error: str | None = None,
        reason: str | None = None,
    ) -> None:
        for step in self.list(organization_id, deployment_id):
            if step.attempt == attempt:
                self.end(
                    organization_id,
                    deployment_id,
                    attempt,
                    step.name,
                    outcome,
                    error=error,
                    reason=reason,
                )

    def list(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Step]:
        owner = (organization_id, deployment_id)
        return [step for key, step in self._rows.tables.steps.items() if key[:2] == owner]

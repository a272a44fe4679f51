"""Projects in the database."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.catalogue import projects
from shared.adapters.postgres.transaction import Transaction
from shared.domain.projects import Project
from shared.ports.pages import Page


class SqlProjects:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, projects, Project)

    def add(self, project: Project) -> None:
        self._rows.insert(project, taken=_taken(project))

    def get(self, organization_id: UUID, project_id: UUID) -> Project:
        return self._rows.get(organization_id, project_id)

    def lock(self, organization_id: UUID, project_id: UUID) -> Project:
        return self._rows.get(organization_id, project_id, lock=True)

    def find(self, organization_id: UUID, slug: str) -> Project | None:
        return self._rows.one(self._rows.where(organization_id=organization_id, slug=slug))

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[Project]:
        return self._rows.page(self._rows.where(organization_id=organization_id), limit, cursor)

    def save(self, project: Project) -> Project:
        self._rows.update(
            project, taken=_taken(project), computed={"version": projects.c.version + 1}
        )
        return replace(project, version=project.version + 1)

    def remove(self, organization_id: UUID, project_id: UUID) -> None:
        mine = (projects.c.organization_id == organization_id) & (projects.c.id == project_id)
        self._rows.transaction.execute(delete(projects).where(mine))

    def deleting_everywhere(self) -> Sequence[Project]:
        query = self._rows.where(deleting=True)
        return self._rows.all(query.order_by(projects.c.created_at, projects.c.id))


def _taken(project: Project) -> str:
    return f"the organisation has a project {project.slug!r} already: choose another name"

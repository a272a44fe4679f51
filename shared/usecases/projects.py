"""What people can do with projects."""

from dataclasses import replace
from uuid import UUID

from shared.domain.audit import changed_fields
from shared.domain.errors import Conflict
from shared.domain.ids import new_id, now, slug
from shared.domain.names import checked_name
from shared.domain.projects import Project
from shared.domain.services import Service
from shared.domain.versions import Expected, refuse_changed
from shared.ports.store import UnitOfWork


def create_project(
    organization_id: UUID, *, name: str, description: str, uow: UnitOfWork
) -> Project:
    """A new project; its slug is part of its services' host names. Raises Conflict if taken."""
    project = Project(
        id=new_id(),
        organization_id=organization_id,
        name=checked_name(name),
        slug=slug(name),
        created_at=now(),
        updated_at=now(),
        description=description,
    )
    with uow:
        uow.projects.add(project)
        uow.audit.about("project", project.id, project.name)
    return project


def update_project(
    organization_id: UUID,
    project_id: UUID,
    *,
    name: str | None,
    description: str | None,
    uow: UnitOfWork,
    expected: Expected = None,
) -> Project:
    """Rename or describe. The slug, and with it every host name, stays.

    Raises PreconditionFailed when the project is not one of the `expected` versions.
    """
    with uow:
        project = uow.projects.lock(organization_id, project_id)
        refuse_changed(expected, project.version, "project")
        changed = replace(
            project,
            name=checked_name(name) if name is not None else project.name,
            description=project.description if description is None else description,
            updated_at=now(),
        )
        changes = changed_fields(project, changed)
        uow.audit.about("project", project.id, changed.name, changed=changes)
        return uow.projects.save(changed)


def every_service(uow: UnitOfWork, organization_id: UUID, project_id: UUID) -> list[Service]:
    """All services of a project, page by page."""
    services: list[Service] = []
    cursor: str | None = None
    while True:
        page = uow.services.list(organization_id, project_id, 100, cursor)
        services += page.items
        cursor = page.next_cursor
        if cursor is None:
            return services


def refuse_deleting(project: Project) -> None:
    """Raises Conflict for a project on its way out."""
    if project.deleting:
        raise Conflict(f"the project {project.name} is being deleted")

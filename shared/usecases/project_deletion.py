"""The end of a project, with all that is in it."""

from dataclasses import replace
from uuid import UUID

from shared.domain.ids import now
from shared.domain.projects import Project
from shared.domain.services import Service
from shared.ports.store import UnitOfWork
from shared.usecases.deletion import refuse_protected, request_deletion
from shared.usecases.projects import every_service


def delete_project(
    organization_id: UUID, project_id: UUID, *, dry_run: bool, uow: UnitOfWork
) -> tuple[Project, list[Service]]:
    """Begin to delete a project with all its services; with `dry_run` only say which.

    Raises Conflict when one of them is protected.
    """
    with uow:
        project = uow.projects.get(organization_id, project_id)
        services = every_service(uow, organization_id, project_id)
        for service in services:
            refuse_protected(service)
        if not dry_run:
            project = replace(project, deleting=True, updated_at=now())
            uow.projects.save(project)
            for service in services:
                request_deletion(uow, service)
            gone = [service.name for service in services]
            uow.audit.about("project", project.id, project.name, services=gone)
    return project, services

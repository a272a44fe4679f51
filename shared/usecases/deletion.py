"""Deleting services and projects: asked for at once, done when nothing runs any more."""

from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from shared.domain.errors import Conflict, NotFound, PlatformError
from shared.domain.ids import new_id, now
from shared.domain.jobs import Job, JobKind, JobState
from shared.domain.previews import Preview, PreviewState
from shared.domain.projects import Project
from shared.domain.releases import InstanceRole
from shared.domain.services import Service, ServiceState
from shared.ports.compute import Compute, Images, Networks
from shared.ports.store import UnitOfWork
from shared.usecases.retirement import gone, take_away
from shared.usecases.variable_references import refuse_referred_service
from shared.usecases.variable_sets import lock_to_write


def refuse_protected(service: Service) -> None:
    """Raises Conflict for a service that must not be deleted by accident."""
    if service.deletion_protection:
        raise Conflict(
            f"the service {service.name} is protected: set deletion_protection to false first"
        )


def delete_service(
    organization_id: UUID,
    service_id: UUID,
    *,
    dry_run: bool,
    force: bool = False,
    uow: UnitOfWork,
) -> Service:
    """Begin to delete a service: what runs is cancelled, the rest follows. Again is fine.

    Raises Conflict when it is protected, or when variables of other services refer to it and
    `force` does not say that they may lead nowhere.
    """
    with uow:
        service = lock_to_write(uow, organization_id, service_id)
        refuse_protected(service)
        if not force and service.state is not ServiceState.DELETING:
            refuse_referred_service(uow, service)
        if not dry_run:
            service = request_deletion(uow, service)
            uow.audit.about("service", service.id, service.name)
    return service


def request_deletion(uow: UnitOfWork, service: Service) -> Service:
    """Mark the service, cancel its deployments and close its previews, inside the caller's
    transaction. A preview's own service takes the preview along."""
    service = replace(service.to(ServiceState.DELETING), updated_at=now())
    uow.services.save(service)
    for deployment in uow.deployments.unfinished(service.organization_id, service.id):
        uow.deployments.save(replace(deployment, cancel_requested=True))
        for job in uow.jobs.of_deployment(service.organization_id, deployment.id):
            if job.state in {JobState.QUEUED, JobState.RUNNING}:  # its agent hears it at once
                uow.jobs.save(replace(uow.jobs.lock(job.id), cancel_requested=True))
        uow.notify("deployments", str(deployment.id))
    org = service.organization_id
    itself = uow.previews.run_by(org, service.id) if service.preview_of else None
    for preview in [*uow.previews.open_of(org, service.id), *([itself] if itself else [])]:
        close_preview(uow, preview, f"the service {service.name} was deleted")
    return service


def close_preview(uow: UnitOfWork, preview: Preview, reason: str) -> Preview:
    """Close it and begin to delete its service, inside the caller's transaction. Again is fine."""
    preview = uow.previews.lock(preview.organization_id, preview.id)
    if not preview.open:
        return preview
    running = preview.preview_service_id
    closed = replace(preview, state=PreviewState.CLOSED, reason=reason, preview_service_id=None)
    preview = replace(closed, updated_at=now())
    uow.previews.save(preview)
    if running is not None:
        with suppress(NotFound):
            request_deletion(uow, uow.services.lock(preview.organization_id, running))
    return preview


def finish_deletions(
    *, uow: UnitOfWork, compute: Compute, images: Images, networks: Networks
) -> int:
    """Go on with every deletion; how many are still under way. A failure is tried again."""
    with uow:
        doomed = [s for s in uow.services.all_everywhere() if s.state is ServiceState.DELETING]
    left = sum(not _finish(s, uow=uow, compute=compute, images=images) for s in doomed)
    return left + _finish_projects(uow=uow, networks=networks)


def _finish(service: Service, *, uow: UnitOfWork, compute: Compute, images: Images) -> bool:
    org = service.organization_id
    with uow:
        if uow.deployments.unfinished(org, service.id) or not _route_removed(uow, service):
            return False
        instances = uow.instances.of_service(org, service.id)
        releases = uow.releases.served(org, service.id, 10_000)
    try:
        for instance in instances:
            take_away(instance, compute)
            with uow:
                gone(uow, replace(instance, role=InstanceRole.STALE))
        for release in releases:
            if release.image_tag:
                images.remove_image(release.image_tag)
        for stored in images.list_images(f"c2d/{service.id}:"):
            for reference in stored.references:
                images.remove_image(reference)
    except PlatformError as error:
        with uow:
            uow.services.save(replace(service, state_reason=error.reason))
        return False
    with uow:
        uow.services.remove(org, service.id)
    return True


def _route_removed(uow: UnitOfWork, service: Service) -> bool:
    """Ask an edge to take the public names away; True once it has, or there are none."""
    try:
        route = uow.routes.get(service.organization_id, service.id)
    except NotFound:
        return True
    if route.target is None and route.previous_target is None:
        return True
    job = uow.jobs.add(
        Job(
            id=new_id(),
            organization_id=service.organization_id,
            deployment_id=None,
            service_id=service.id,
            key=f"remove-route:{service.id}",
            kind=JobKind.REMOVE_ROUTE,
            step="RemoveRoute",
            attempt=1,
            state=JobState.QUEUED,
            spec={"hosts": list(route.hosts)},
            sealed_token=None,
            created_at=now(),
        )
    )
    if job.state in {JobState.FAILED, JobState.CANCELLED}:
        uow.jobs.save(replace(job, state=JobState.QUEUED, ended_at=None))
    uow.notify("jobs", job.role)
    return job.state is JobState.SUCCEEDED


def _finish_projects(*, uow: UnitOfWork, networks: Networks) -> int:
    with uow:
        doomed = [
            project
            for project in uow.projects.deleting_everywhere()
            if not uow.services.list(project.organization_id, project.id, 1, None).items
        ]
    return sum(not _remove_project(project, uow, networks) for project in doomed)


def _remove_project(project: Project, uow: UnitOfWork, networks: Networks) -> bool:
    try:
        networks.remove_network(project.id)
    except PlatformError:
        return False
    with uow:
        uow.projects.remove(project.organization_id, project.id)
    return True

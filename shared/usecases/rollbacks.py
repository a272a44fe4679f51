"""Going back to a release that has served: candidates, and the way there."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from shared.domain.deployments import Deployment, DeploymentState, Entry, Trigger
from shared.domain.errors import Conflict, NotFound
from shared.domain.ids import new_id, now
from shared.domain.releases import InstanceRole, Release, ReleaseState
from shared.domain.services import Service, ServiceState
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import send
from shared.usecases.deployments import accept, start

NOT_RESTORED = (
    "Database schema and data stay as they are: a rollback changes code, variables and settings.",
    "Contents of volumes stay as they are.",
    "Autodeploy is paused until you switch it on again.",
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that can be brought back; `kept_warm` ones within a second."""

    release: Release
    deployment: Deployment
    kept_warm: bool
    current: bool


def candidates(
    organization_id: UUID, service_id: UUID, *, limit: int, uow: UnitOfWork
) -> Sequence[Candidate]:
    """Releases that have served and whose image is stored, newest first."""
    with uow:
        service = uow.services.get(organization_id, service_id)
        warm = {
            i.deployment_id
            for i in uow.instances.of_service(organization_id, service_id)
            if i.role in {InstanceRole.SERVING, InstanceRole.PREVIOUS}
        }
        return [
            Candidate(
                release=release,
                deployment=uow.deployments.get(organization_id, release.deployment_id),
                kept_warm=release.deployment_id in warm,
                current=release.id == service.live_release_id,
            )
            for release in uow.releases.served(organization_id, service_id, limit)
            if not release.image_removed
        ]


def rollback(
    organization_id: UUID,
    service_id: UUID,
    deployment_id: UUID,
    *,
    actor: str,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    correlation_id: str | None = None,
) -> Deployment:
    """Bring the release of an earlier deployment back, and pause autodeploy.

    Raises NotFound for a deployment of another service, Conflict when it never served, serves
    now, or its image is gone.
    """
    with uow:
        service = uow.services.lock(organization_id, service_id)
        target = uow.deployments.get(organization_id, deployment_id)
        release = uow.releases.of_deployment(organization_id, deployment_id)
        if target.service_id != service_id:
            raise NotFound("that deployment belongs to another service")
        if service.state is ServiceState.DELETING:
            raise Conflict(f"the service {service.name} is being deleted")
        _refuse_target(target, release)
        deployment = replace(_back_to(target, service, actor), correlation_id=correlation_id)
        answers = accept(uow, replace(service, autodeploy=False), deployment)
        name = f"{service.name} #{deployment.number}"
        uow.audit.about("deployment", deployment.id, name, back_to=target.number)
    send(answers, workflows=workflows, vault=vault)
    start(deployment, workflows=workflows)
    return deployment


def _back_to(target: Deployment, service: Service, actor: str) -> Deployment:
    return Deployment(
        id=new_id(),
        organization_id=service.organization_id,
        project_id=service.project_id,
        service_id=service.id,
        number=service.next_number,
        state=DeploymentState.QUEUED,
        trigger=Trigger.ROLLBACK,
        actor=actor,
        created_at=now(),
        updated_at=now(),
        entry=Entry.RELEASE,
        ref=target.ref,
        sha=target.sha,
        image=target.image,
        commit_message=target.commit_message,
        commit_author=target.commit_author,
        rollback_of=target.id,
    )


def _refuse_target(target: Deployment, release: Release | None) -> None:
    if target.state is not DeploymentState.LIVE or release is None:
        raise Conflict(f"deployment {target.number} never served: choose one that was live")
    if release.state is ReleaseState.LIVE:
        raise Conflict(f"deployment {target.number} serves already")
    if release.image_removed:
        raise Conflict(f"the image of deployment {target.number} is no longer stored")

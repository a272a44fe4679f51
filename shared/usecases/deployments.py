"""What people can do with deployments: ask for one, cancel it, try it again."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from shared.domain import payloads
from shared.domain.deployments import Deployment, DeploymentState, Entry, Trigger
from shared.domain.errors import Cancelled, Conflict, Invalid
from shared.domain.ids import new_id, now
from shared.domain.jobs import ENDED, JobState
from shared.domain.services import OverlapPolicy, Service, ServiceState
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send
from shared.usecases.attempts import CANCELLED
from shared.usecases.reporting import announce

if TYPE_CHECKING:
    from collections.abc import Sequence

_PAYLOAD_ENTRY = "entry"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to deploy: a branch or tag, a commit, or an image that exists.

    `correlation_id` is of the request or delivery it comes from.
    """

    ref: str | None = None
    sha: str | None = None
    image: str | None = None
    no_cache: bool = False
    trigger: Trigger = Trigger.API
    commit_message: str | None = None
    commit_author: str | None = None
    correlation_id: str | None = None


def deploy(
    organization_id: UUID,
    service_id: UUID,
    *,
    actor: str,
    wanted: Wanted | None = None,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
) -> Deployment:
    """Accept a deployment of the service and start its workflow.

    Without anything wanted the service's branch is deployed. Raises NotFound, Conflict
    when the service is being deleted, Invalid when it has no source and no image is named.
    """
    wanted = wanted or Wanted()
    with uow:
        service = uow.services.lock(organization_id, service_id)
        _refuse_deploy(service, wanted)
        deployment = requested(service, wanted, actor)
        answers = accept(uow, service, deployment)
        _about(uow, deployment, service.name)
    send(answers, workflows=workflows, vault=vault)
    start(deployment, workflows=workflows)
    return deployment


def requested(service: Service, wanted: Wanted, actor: str) -> Deployment:
    """The next deployment of the service, to be accepted while its row is locked."""
    branch = service.source.branch if service.source and not wanted.sha else None
    return Deployment(
        id=new_id(),
        organization_id=service.organization_id,
        project_id=service.project_id,
        service_id=service.id,
        number=service.next_number,
        state=DeploymentState.QUEUED,
        trigger=wanted.trigger,
        actor=actor,
        created_at=now(),
        updated_at=now(),
        entry=Entry.RELEASE if wanted.image else Entry.BUILD,
        ref=wanted.ref or branch,
        sha=wanted.sha,
        image=wanted.image,
        no_cache=wanted.no_cache,
        commit_message=wanted.commit_message,
        commit_author=wanted.commit_author,
        correlation_id=wanted.correlation_id,
    )


def _refuse_deploy(service: Service, wanted: Wanted) -> None:
    if service.state is ServiceState.DELETING:
        raise Conflict(f"the service {service.name} is being deleted")
    if service.source is None and wanted.image is None:
        raise Invalid(
            f"the service {service.name} has no repository: set source.repository_url, "
            "or deploy an image"
        )


def accept(uow: UnitOfWork, service: Service, deployment: Deployment) -> list[Answer]:
    """Record the deployment; apply `cancel_previous` to those that have not ended."""
    uow.deployments.add(deployment)
    announce(uow, deployment)
    uow.services.save(replace(service, next_number=deployment.number + 1, updated_at=now()))
    if service.overlap is not OverlapPolicy.CANCEL_PREVIOUS:
        return []
    others: Sequence[Deployment] = uow.deployments.unfinished(service.organization_id, service.id)
    return [
        answer
        for other in others
        if other.id != deployment.id
        for answer in _request_cancel(uow, other)
    ]


def start(deployment: Deployment, *, workflows: Workflows) -> None:
    """Start this attempt's execution; again is fine, and reconcile does so when this is missed."""
    workflows.start(
        deployment.machine,
        deployment.execution,
        {
            "organization_id": str(deployment.organization_id),
            "service_id": str(deployment.service_id),
            "deployment_id": str(deployment.id),
            "attempt": deployment.attempt,
            _PAYLOAD_ENTRY: deployment.entry.value,
            "correlation_id": deployment.correlation_id or str(deployment.id),
            payloads.KEY: payloads.VERSION,
        },
    )


def cancel(
    organization_id: UUID,
    deployment_id: UUID,
    *,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
) -> Deployment:
    """Ask a deployment to stop; asking again changes nothing.

    A running builder learns it with its next heartbeat. Raises Conflict when it has ended.
    """
    with uow:
        deployment = uow.deployments.lock(organization_id, deployment_id)
        if deployment.state is DeploymentState.CANCELLED:
            return deployment
        if deployment.terminal:
            raise Conflict(f"this deployment is {deployment.state} already: nothing to cancel")
        answers = _request_cancel(uow, deployment)
        deployment = uow.deployments.get(organization_id, deployment_id)
        _about(uow, deployment)
    send(answers, workflows=workflows, vault=vault)
    return deployment


def _request_cancel(uow: UnitOfWork, deployment: Deployment) -> list[Answer]:
    """Mark it; wake what waits in line or in the job queue, tell what runs."""
    uow.deployments.save(replace(deployment, cancel_requested=True, updated_at=now()))
    org, service_id = deployment.organization_id, deployment.service_id
    sealed = [
        w.sealed_token
        for w in uow.leases.waiters(org, service_id)
        if w.deployment_id == deployment.id and deployment.lease_number is None
    ]
    for known in uow.jobs.of_deployment(org, deployment.id):
        if known.state in ENDED:
            continue
        job = uow.jobs.lock(known.id)  # its agent may be taking or ending it this moment
        if job.state is JobState.QUEUED:
            uow.jobs.save(replace(job, state=JobState.CANCELLED, ended_at=now()))
            sealed += [job.sealed_token] if job.sealed_token else []
        elif job.state is JobState.RUNNING:
            uow.jobs.save(replace(job, cancel_requested=True))
    uow.notify("deployments", str(deployment.id))
    return [Answer(s, deployment.id, error=Cancelled.__name__, reason=CANCELLED) for s in sealed]


def retry(
    organization_id: UUID,
    deployment_id: UUID,
    *,
    uow: UnitOfWork,
    workflows: Workflows,
) -> Deployment:
    """Run a failed, cancelled or superseded deployment again, from the step that failed.

    What was built is not built again. Raises Conflict when it has not ended or is live.
    """
    with uow:
        service_id = uow.deployments.get(organization_id, deployment_id).service_id
        service = uow.services.lock(organization_id, service_id)
        deployment = uow.deployments.lock(organization_id, deployment_id)
        if deployment.state is DeploymentState.LIVE:
            raise Conflict("this deployment is live: deploy again for a new build")
        if not deployment.terminal:
            raise Conflict(f"this deployment is {deployment.state}: cancel it first")
        if service.state is ServiceState.DELETING:
            raise Conflict(f"the service {service.name} is being deleted")
        deployment = deployment.again(Entry.RELEASE if deployment.image else Entry.BUILD)
        uow.deployments.save(deployment)
        announce(uow, deployment)
        uow.notify("deployments", str(deployment.id))
        _about(uow, deployment, service.name)
    start(deployment, workflows=workflows)
    return deployment


def _about(uow: UnitOfWork, deployment: Deployment, service_name: str | None = None) -> None:
    name = f"{service_name or ''} #{deployment.number}".strip()
    wanted = {"ref": deployment.ref, "sha": deployment.sha, "image": deployment.image}
    detail = {key: value for key, value in wanted.items() if value}
    service = str(deployment.service_id)
    uow.audit.about("deployment", deployment.id, name, service_id=service, **detail)

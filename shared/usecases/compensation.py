"""Walking back what a deployment made, and ending it truthfully."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.deployments import Deployment, DeploymentState, Step, StepOutcome
from shared.domain.errors import Cancelled, NotFound, PlatformError, Superseded, Transient
from shared.domain.ids import now
from shared.domain.releases import Instance, InstanceRole, ReleaseState
from shared.domain.resources import Resource, ResourceKind, ResourceState
from shared.domain.services import Service, ServiceState
from shared.ports.compute import Compute
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send
from shared.usecases.attempts import CANCELLED, Attempt
from shared.usecases.leasing import release as release_lease
from shared.usecases.retirement import gone, remove_at_provider

_UNDONE = {ResourceKind.INSTANCE, ResourceKind.ONE_OFF}
"""Images stay for a retry (retention removes them), networks belong to projects."""


def undo(attempt: Attempt, *, uow: UnitOfWork, compute: Compute) -> None:
    """Remove what this deployment made and does not serve, newest first.

    An instance it had taken over goes back to being kept warm. Raises Transient while something
    could not be removed; each try counts on the resource.
    """
    with uow:
        _give_back(uow, attempt)
        doomed = _to_undo(uow, attempt)
    failures = [reason for r in doomed if (reason := _remove(r, uow=uow, compute=compute))]
    if failures:
        raise Transient(f"{len(failures)} of {len(doomed)} resources stay: {failures[-1]}")


def _to_undo(uow: UnitOfWork, attempt: Attempt) -> list[Resource]:
    serving = {
        i.id
        for i in uow.instances.of_service(attempt.organization_id, attempt.service_id)
        if i.role not in {InstanceRole.NEXT, InstanceRole.STALE}
    }
    made = uow.resources.of_deployment(attempt.organization_id, attempt.deployment_id)
    return [r for r in made if r.kind in _UNDONE and r.id not in serving]


def _give_back(uow: UnitOfWork, attempt: Attempt) -> None:
    for instance in uow.instances.of_service(attempt.organization_id, attempt.service_id):
        taken_over = instance.deployment_id != attempt.deployment_id
        if instance.role is InstanceRole.NEXT and taken_over:
            uow.instances.save(replace(instance, role=InstanceRole.PREVIOUS))


def _remove(resource: Resource, *, uow: UnitOfWork, compute: Compute) -> str | None:
    """None when it is gone, else why not."""
    try:
        remove_at_provider(resource, compute)
    except PlatformError as error:
        with uow:
            uow.resources.save(
                replace(resource, tries=resource.tries + 1, reason=error.reason, updated_at=now())
            )
        return error.reason
    with uow:
        instance = find_instance(uow, resource)
        if instance:
            gone(uow, instance)
        else:
            uow.resources.save(resource.removed())
    return None


def find_instance(uow: UnitOfWork, resource: Resource) -> Instance | None:
    try:
        return uow.instances.get(resource.organization_id, resource.id)
    except NotFound:
        return None


def give_up(attempt: Attempt, *, uow: UnitOfWork) -> None:
    """List what could not be removed as needing attention."""
    with uow:
        for resource in _to_undo(uow, attempt):
            if resource.state is not ResourceState.NEEDS_ATTENTION:
                uow.resources.save(resource.stuck(resource.reason or "it could not be removed"))
            instance = find_instance(uow, resource)
            if instance and instance.role is InstanceRole.NEXT:
                uow.instances.save(replace(instance, role=InstanceRole.STALE))


@dataclass(frozen=True, slots=True)
class Failure:
    """What the engine caught: an error name, and a cause as the engine words it."""

    error: str
    cause: str


def mark_failed(
    attempt: Attempt, failure: Failure, *, uow: UnitOfWork, workflows: Workflows, vault: Vault
) -> Deployment | None:
    """End the deployment as failed, cancelled or superseded, with a reason; pass the lease on.

    Answers the deployment when this ended it, None when it had ended before.
    """
    ended: Deployment | None = None
    answers: list[Answer] = []
    with uow:
        service = uow.services.lock(attempt.organization_id, attempt.service_id)
        deployment = uow.deployments.lock(attempt.organization_id, attempt.deployment_id)
        if deployment.attempt == attempt.attempt and not deployment.terminal:
            error, reason = explain(
                uow.steps.list(attempt.organization_id, attempt.deployment_id), attempt, failure
            )
            ended = _close(uow, deployment, error, reason)
            held = deployment.lease_number is not None
            if held and service.state is ServiceState.DEPLOYING:
                service = _as_it_stands(uow, service)
                uow.services.save(service)
            answers = release_lease(uow, service, deployment.id)
            uow.notify("deployments", str(deployment.id))
    send(answers, workflows=workflows, vault=vault)
    return ended


def _close(uow: UnitOfWork, deployment: Deployment, error: str, reason: str) -> Deployment:
    if deployment.cancel_requested and error != Superseded.__name__:
        error, reason = Cancelled.__name__, CANCELLED
    org = deployment.organization_id
    uow.steps.end_open(
        org, deployment.id, deployment.attempt, StepOutcome.FAILED, error=error, reason=reason
    )
    state = DeploymentState.FAILED
    if error == Superseded.__name__:
        state = DeploymentState.SUPERSEDED
    elif error == Cancelled.__name__:
        state = DeploymentState.CANCELLED
    ended = uow.deployments.save(deployment.to(state, error=error, reason=reason))
    release = uow.releases.of_deployment(org, deployment.id)
    if release and release.state is ReleaseState.PENDING:
        uow.releases.save(release.to(ReleaseState.FAILED))
    return ended


def _as_it_stands(uow: UnitOfWork, service: Service) -> Service:
    """The service's state by what serves now."""
    instances = uow.instances.of_service(service.organization_id, service.id)
    serving = next((i for i in instances if i.role is InstanceRole.SERVING), None)
    if serving is None:
        return service.to(ServiceState.NEW)
    if serving.healthy is False:
        return service.to(ServiceState.CRASHED, serving.health_reason)
    return service.to(ServiceState.LIVE)


def explain(steps: Sequence[Step], attempt: Attempt, failure: Failure) -> tuple[str, str]:
    """(error, reason): what the ledger says failed, else what the engine caught."""
    failure = _innermost(failure)
    mine = [s for s in steps if s.attempt == attempt.attempt]
    failed = [s for s in mine if s.outcome is StepOutcome.FAILED and s.error]
    if failed:
        last = failed[-1]
        return last.error or failure.error, last.reason or last.error or failure.error
    opened = [s.name for s in mine if s.outcome is StepOutcome.RUNNING]
    where = opened[-1] if opened else "a step"
    if failure.error == "States.HeartbeatTimeout":
        return "AgentLost", f"the agent stopped answering during {where}: see c2d agents"
    if failure.error == "States.Timeout":
        return failure.error, f"{where} took longer than its time limit and was stopped"
    return failure.error, _message(failure.cause) or f"{where} failed: {failure.error}"


def _innermost(failure: Failure) -> Failure:
    """What failed in a nested execution; the engine says that it failed, and how as JSON."""
    while failure.error == "States.TaskFailed":
        try:
            told = json.loads(failure.cause)
        except ValueError:
            break
        if not isinstance(told, dict) or not told.get("Error"):
            break
        failure = Failure(str(told["Error"]), str(told.get("Cause") or ""))
    return failure


def _message(cause: str) -> str:
    """The sentence inside an engine's cause, which is often JSON in JSON."""
    try:
        told = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(told, dict):
        return cause
    inner = told.get("errorMessage") or told.get("Cause") or told.get("cause")
    return _message(inner) if isinstance(inner, str) and inner != cause else ""

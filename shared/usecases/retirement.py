"""Taking instances away: what neither serves nor is kept warm."""

from dataclasses import replace
from uuid import UUID

from shared.domain.deployments import StepOutcome
from shared.domain.errors import Conflict, NotFound, PlatformError
from shared.domain.jobs import JobKind
from shared.domain.releases import Instance, InstanceRole
from shared.domain.resources import Resource, ResourceKind, ResourceState
from shared.ports.compute import Compute
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send, token_context
from shared.usecases.attempts import Attempt, begin, end, ledger
from shared.usecases.jobs import request

DRAIN = "Drain"
RETIRE = "RetireOld"
GRACE_SECONDS = 10
ABORT_GRACE_SECONDS = 3


def drain(
    attempt: Attempt,
    *,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    heartbeat_limit: int,
) -> None:
    """Let what left the route finish what it has begun; nothing to drain answers at once."""
    assert attempt.task_token is not None  # noqa: S101 - the state always carries one
    answers: list[Answer] = []
    with ledger(uow, attempt, DRAIN), uow:
        begin(uow, attempt, DRAIN)
        targets = [
            {"target": i.target, "deadline_seconds": _drain_seconds(uow, i)}
            for i in uow.instances.of_service(attempt.organization_id, attempt.service_id)
            if i.role in {InstanceRole.PREVIOUS, InstanceRole.STALE}
        ]
        if targets:
            answers = request(
                uow,
                attempt,
                kind=JobKind.DRAIN,
                step=DRAIN,
                spec={"targets": targets},
                vault=vault,
                heartbeat_limit=heartbeat_limit,
            )
        else:
            sealed = vault.seal(attempt.task_token, token_context(attempt.deployment_id))
            answers = [Answer(sealed, attempt.deployment_id, output={})]
            end(uow, attempt, DRAIN, StepOutcome.SKIPPED)
    send(answers, workflows=workflows, vault=vault)


def _drain_seconds(uow: UnitOfWork, instance: Instance) -> int:
    return uow.releases.get(instance.organization_id, instance.release_id).run.drain_seconds


def retire_old(attempt: Attempt, *, uow: UnitOfWork, compute: Compute) -> None:
    """Retire what the newer release made stale. Raises what the last failure raised."""
    with ledger(uow, attempt, RETIRE):
        with uow:
            begin(uow, attempt, RETIRE)
            service = uow.services.get(attempt.organization_id, attempt.service_id)
            doomed = {InstanceRole.STALE}
            if service.run.keep_previous_seconds == 0:
                doomed.add(InstanceRole.PREVIOUS)
            instances = [
                i
                for i in uow.instances.of_service(attempt.organization_id, attempt.service_id)
                if i.role in doomed
            ]
            made = uow.resources.of_deployment(attempt.organization_id, attempt.deployment_id)
            one_offs = [r for r in made if r.kind is ResourceKind.ONE_OFF]
        for instance in instances:
            retire(instance, uow=uow, compute=compute)
        for resource in one_offs:
            remove_at_provider(resource, compute)
        with uow:
            for resource in one_offs:
                uow.resources.save(resource.removed())
            end(uow, attempt, RETIRE)


def remove_at_provider(resource: Resource, compute: Compute) -> None:
    """Remove an instance by its id, or by its tag when the id was never recorded."""
    _stop_and_remove(resource.provider_id, resource.id, compute, ABORT_GRACE_SECONDS)


def _stop_and_remove(provider_id: str | None, tag: UUID, compute: Compute, grace: int) -> None:
    known = [provider_id] if provider_id else []
    for found in known or [o.provider_id for o in compute.find({"instance": str(tag)})]:
        compute.stop(found, grace)
        compute.remove(found)


def retire(instance: Instance, *, uow: UnitOfWork, compute: Compute) -> None:
    """Stop and remove one instance and note it; a failure is listed as needing attention.

    Does nothing when the instance has meanwhile been taken for traffic. Again is fine.
    """
    with uow:
        present = uow.instances.get(instance.organization_id, instance.id)
        if present.role in {InstanceRole.SERVING, InstanceRole.GONE}:
            return
        if present.role is InstanceRole.PREVIOUS:
            present = replace(present, role=InstanceRole.STALE)
            uow.instances.save(present)
    try:
        take_away(present, compute)
    except PlatformError as error:
        with uow:
            _attend(uow, present, error.reason)
        raise
    with uow:
        gone(uow, present)


def take_away(instance: Instance, compute: Compute) -> None:
    """Stop and remove it at the provider, also when its id was never recorded."""
    _stop_and_remove(instance.provider_id, instance.id, compute, GRACE_SECONDS)


def gone(uow: UnitOfWork, instance: Instance) -> None:
    """Note that the instance is not there any more."""
    uow.instances.save(replace(instance, role=InstanceRole.GONE, restart_at=None))
    try:
        resource = uow.resources.get(instance.organization_id, instance.id)
    except NotFound:
        return
    uow.resources.save(resource.removed())


def _attend(uow: UnitOfWork, instance: Instance, reason: str) -> None:
    resource = uow.resources.get(instance.organization_id, instance.id)
    uow.resources.save(resource.stuck(reason))


def retry_removal(
    organization_id: UUID, resource_id: UUID, *, uow: UnitOfWork, compute: Compute
) -> Resource:
    """Try again to remove what needs attention; the row says how it went.

    Raises NotFound, and Conflict for a resource that is in use.
    """
    with uow:
        resource = uow.resources.get(organization_id, resource_id)
    if resource.state is ResourceState.REMOVED:
        return resource
    if resource.state is not ResourceState.NEEDS_ATTENTION:
        raise Conflict(f"this {resource.kind} is in use: only what needs attention is retried")
    try:
        remove_at_provider(resource, compute)
        resource = resource.removed()
    except PlatformError as error:
        resource = resource.stuck(error.reason)
    with uow:
        uow.resources.save(resource)
        uow.audit.about("resource", resource.id, resource.provider_id, state=resource.state.value)
    return resource

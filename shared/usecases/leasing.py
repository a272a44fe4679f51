"""One active deployment per service: who may run, who waits, who is superseded."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import Superseded
from shared.domain.ids import now
from shared.domain.leases import Lease, Waiter
from shared.domain.services import OverlapPolicy, Service, ServiceState
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send, token_context
from shared.usecases.attempts import Attempt, begin, end, ledger

STEP = "AcquireLease"
_LATEST = {OverlapPolicy.LATEST_WINS, OverlapPolicy.CANCEL_PREVIOUS}


def acquire(attempt: Attempt, *, uow: UnitOfWork, workflows: Workflows, vault: Vault) -> bool:
    """Join the line for the service's lease; the state's token is answered when its turn comes.

    Answers whether it begins with this: a repetition does not.
    Raises Superseded when the policy is that the latest wins and a newer one has been accepted.
    """
    assert attempt.task_token is not None  # noqa: S101 - the state always carries one
    sealed = vault.seal(attempt.task_token, token_context(attempt.deployment_id))
    with ledger(uow, attempt, STEP), uow:
        service = uow.services.lock(attempt.organization_id, attempt.service_id)
        deployment = begin(uow, attempt, STEP)
        refuse_if_superseded(uow, service, deployment)
        begins = deployment.state is DeploymentState.QUEUED
        if begins:
            uow.deployments.save(deployment.to(DeploymentState.WAITING))
        uow.leases.enqueue(
            Waiter(
                organization_id=attempt.organization_id,
                service_id=attempt.service_id,
                deployment_id=attempt.deployment_id,
                deployment_number=deployment.number,
                attempt=attempt.attempt,
                sealed_token=sealed,
                created_at=now(),
            )
        )
        answers = grant_next(uow, service)
    send(answers, workflows=workflows, vault=vault)
    return begins


def refuse_if_superseded(uow: UnitOfWork, service: Service, deployment: Deployment) -> None:
    """Raises Superseded when a newer deployment of the service is on its way or live.

    A retry asks for the older version on purpose: only one on its way stops it.
    """
    if service.overlap not in _LATEST:
        return
    others = uow.deployments.unfinished(service.organization_id, service.id)
    newer = [other.number for other in others if other.number > deployment.number]
    if deployment.attempt == 1 and service.live_release_id:
        live = uow.releases.get(service.organization_id, service.live_release_id)
        newer += [live.number] if live.number > deployment.number else []
    if newer:
        raise Superseded(f"deployment {max(newer)} of this service is newer and took its place")


def grant_next(uow: UnitOfWork, service: Service) -> list[Answer]:
    """Give a free lease to whom the policy says; answer those that lost their place.

    Runs inside the caller's transaction. A lease that is held is granted again to its holder
    while that one still stands in line: its answer may have been lost.
    """
    lease = uow.leases.lock(service.organization_id, service.id)
    waiters = list(uow.leases.waiters(service.organization_id, service.id))
    answers = _superseded(uow, service, lease, waiters)
    left = uow.leases.waiters(service.organization_id, service.id)
    chosen = _next_in_line(uow, service, left) if lease.holder is None else None
    if chosen:
        lease = replace(
            lease, number=lease.number + 1, holder=chosen.deployment_id, acquired_at=now()
        )
        uow.leases.save(lease)
        _take(uow, service, chosen, lease)
    answers += [
        Answer(w.sealed_token, w.deployment_id, output={"lease": lease.number})
        for w in left
        if w.deployment_id == lease.holder
    ]
    return answers


def _next_in_line(uow: UnitOfWork, service: Service, line: Sequence[Waiter]) -> Waiter | None:
    """Whose turn it is; in a queue nobody overtakes an older one that has yet to join."""
    if not line or service.overlap in _LATEST:
        return line[-1] if line else None
    first, org = line[0], service.organization_id
    on_their_way = uow.deployments.unfinished(org, service.id)
    overtakes = any(d.number < first.deployment_number for d in on_their_way)
    return None if overtakes else first


def _superseded(
    uow: UnitOfWork, service: Service, lease: Lease, waiters: list[Waiter]
) -> list[Answer]:
    if service.overlap not in _LATEST:
        return []
    losers = [w for w in waiters[:-1] if w.deployment_id != lease.holder]
    for waiter in losers:
        uow.leases.leave(service.organization_id, service.id, waiter.deployment_id)
    newest = waiters[-1].deployment_number if waiters else 0
    return [
        Answer(
            w.sealed_token,
            w.deployment_id,
            error=Superseded.__name__,
            reason=f"deployment {newest} of this service is newer and took its place",
        )
        for w in losers
    ]


def _take(uow: UnitOfWork, service: Service, waiter: Waiter, lease: Lease) -> None:
    deployment = uow.deployments.lock(service.organization_id, waiter.deployment_id)
    uow.deployments.save(replace(deployment, lease_number=lease.number))
    if service.state is not ServiceState.DELETING:
        uow.services.save(service.to(ServiceState.DEPLOYING, service.state_reason))
    attempt = Attempt(
        service.organization_id, service.id, deployment.id, waiter.attempt, lease.number
    )
    end(uow, attempt, STEP)


def leave_line(uow: UnitOfWork, attempt: Attempt) -> None:
    """The holder has begun its work: its grant has arrived and need not be sent again."""
    uow.leases.leave(attempt.organization_id, attempt.service_id, attempt.deployment_id)


def release(uow: UnitOfWork, service: Service, deployment_id: UUID) -> list[Answer]:
    """Give the lease back, if `deployment_id` holds it, and grant it to the next in line."""
    uow.leases.leave(service.organization_id, service.id, deployment_id)
    lease = uow.leases.lock(service.organization_id, service.id)
    if lease.holder == deployment_id:
        uow.leases.save(replace(lease, holder=None, acquired_at=None))
    return grant_next(uow, service)

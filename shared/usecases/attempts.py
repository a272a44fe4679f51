"""One run of a deployment's workflow, as its states see it, and their entries in the ledger."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from shared.domain.deployments import Deployment, Step, StepOutcome
from shared.domain.errors import Cancelled, PlatformError, StaleFence, Transient
from shared.domain.ids import now
from shared.ports.store import UnitOfWork

CANCELLED: Final = "cancelled on request"
"""The reason of what somebody asked to stop."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What every state is told: ids and numbers, never values.

    `lease` is the fence, None before it is granted; `retry` counts the state's own repetitions;
    `scope` is the execution's name where one attempt runs a machine twice.
    """

    organization_id: UUID
    service_id: UUID
    deployment_id: UUID
    attempt: int
    lease: int | None = None
    retry: int = 0
    task_token: str | None = None
    scope: str | None = None
    correlation_id: str | None = None

    @property
    def execution(self) -> str:
        return self.scope or f"{self.deployment_id}-{self.attempt}"


def begin(uow: UnitOfWork, attempt: Attempt, step: str) -> Deployment:
    """Open `step` in the ledger and answer the deployment, its row locked.

    Raises Cancelled when somebody asked to stop, StaleFence when a newer attempt or a newer
    holder of the lease has taken over: then nothing outside may be touched any more.
    """
    deployment = check(uow, attempt)
    _open(uow, attempt, step)
    return deployment


def check(uow: UnitOfWork, attempt: Attempt) -> Deployment:
    """The deployment, its row locked; raises as `begin` does when this attempt is to stop."""
    deployment = uow.deployments.lock(attempt.organization_id, attempt.deployment_id)
    if deployment.attempt != attempt.attempt:
        raise StaleFence(f"attempt {deployment.attempt} has replaced attempt {attempt.attempt}")
    if deployment.cancel_requested:
        raise Cancelled(CANCELLED)
    if attempt.lease is not None:
        uow.leases.check(attempt.organization_id, attempt.service_id, attempt.lease)
    return deployment


def _open(uow: UnitOfWork, attempt: Attempt, step: str) -> None:
    uow.steps.begin(
        Step(
            organization_id=attempt.organization_id,
            deployment_id=attempt.deployment_id,
            attempt=attempt.attempt,
            name=step,
            started_at=now(),
        )
    )


def _known(uow: UnitOfWork, attempt: Attempt, step: str) -> bool:
    steps = uow.steps.list(attempt.organization_id, attempt.deployment_id)
    return any(s.attempt == attempt.attempt and s.name == step for s in steps)


def end(
    uow: UnitOfWork,
    attempt: Attempt,
    step: str,
    outcome: StepOutcome = StepOutcome.SUCCEEDED,
    error: PlatformError | None = None,
) -> None:
    """Close `step` in the ledger."""
    uow.steps.end(
        attempt.organization_id,
        attempt.deployment_id,
        attempt.attempt,
        step,
        outcome,
        error=type(error).__name__ if error else None,
        reason=error.reason if error else None,
    )


@contextmanager
def ledger(uow: UnitOfWork, attempt: Attempt, step: str) -> Iterator[None]:
    """Close `step` as failed when the block raises on purpose; a transient failure leaves it open.

    Used around a state's work, outside any transaction of its own.
    """
    try:
        yield
    except Transient:
        raise
    except PlatformError as error:
        with uow:
            if not _known(uow, attempt, step):
                _open(uow, attempt, step)
            end(uow, attempt, step, StepOutcome.FAILED, error)
        raise

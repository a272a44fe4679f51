"""Jobs: what a state asks of an agent, and what the agent says back."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.domain import errors
from shared.domain.deployments import StepOutcome
from shared.domain.errors import Cancelled, Gone, PlatformError, Unauthenticated
from shared.domain.ids import new_id, now
from shared.domain.jobs import ENDED, Job, JobKind, JobState
from shared.domain.logs import LogChunk
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send, token_context
from shared.usecases.attempts import Attempt
from shared.usecases.reporting import announce

PLATFORM: Final = UUID(int=0)
"""Owns jobs that belong to no organisation: an edge's standing watch, calls to its engine."""
BEAT_SECONDS: Final = 2
_REPEATED: Final = {errors.AgentLost.__name__, errors.Transient.__name__}


def request(
    uow: UnitOfWork,
    attempt: Attempt,
    *,
    kind: JobKind,
    step: str,
    spec: dict[str, Any],
    vault: Vault,
    heartbeat_limit: int = 60,
) -> list[Answer]:
    """Ask an agent for `kind`, once per state and repetition; the state waits for its result.

    Returns what to send after the transaction: the answer of a job that has ended already,
    which happens when the state's function runs twice.
    """
    assert attempt.task_token is not None  # noqa: S101 - a waiting state always carries one
    job = uow.jobs.add(
        Job(
            id=new_id(),
            organization_id=attempt.organization_id,
            deployment_id=attempt.deployment_id,
            service_id=attempt.service_id,
            key=f"{attempt.execution}:{step}:{attempt.retry}",
            kind=kind,
            step=step,
            attempt=attempt.attempt,
            state=JobState.QUEUED,
            spec=spec,
            sealed_token=vault.seal(attempt.task_token, token_context(attempt.deployment_id)),
            created_at=now(),
            heartbeat_limit_seconds=heartbeat_limit,
            correlation_id=attempt.correlation_id,
        )
    )
    uow.notify("jobs", job.role)
    return answers(job)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def silent(job: Job, seconds: float, at: datetime | None = None) -> bool:
    """Whether a running job has not been heard of for that long."""
    heard = job.heartbeat_at or job.claimed_at
    return heard is not None and ((at or now()) - heard).total_seconds() > seconds


def authenticated(job_id: UUID, token: str, *, uow: UnitOfWork) -> Job:
    """The job this token opens, its row locked. Raises Unauthenticated or Gone once it ended."""
    job = uow.jobs.lock(job_id)
    if not job.token_hash or not secrets.compare_digest(job.token_hash, token_hash(token)):
        raise Unauthenticated("this token does not open this job")
    return job


def heartbeat(
    job_id: UUID, token: str, *, uow: UnitOfWork, workflows: Workflows, vault: Vault
) -> Job:
    """Note that the agent is at work. Raises Gone when nobody waits for the job any more."""
    with uow:
        job = authenticated(job_id, token, uow=uow)
        if job.state in ENDED:
            raise Gone("this job has ended: stop working on it")
        job = replace(job, heartbeat_at=now())
        uow.jobs.save(job)
        if job.agent:
            _still_here(uow, job.agent)
    if job.sealed_token:
        workflows.heartbeat(vault.open(job.sealed_token, token_context(job.deployment_id)))
    return job


def _still_here(uow: UnitOfWork, name: str) -> None:
    for agent in uow.agents.list():
        if agent.name == name:
            uow.agents.seen(replace(agent, last_seen_at=now()))


def append_log(
    job_id: UUID,
    token: str,
    number: int,
    lines: Sequence[tuple[datetime, str, str]],
    *,
    uow: UnitOfWork,
) -> Job:
    """Store a chunk of the job's log once; sending it again adds nothing. Answers the job."""
    with uow:
        job = authenticated(job_id, token, uow=uow)
        if job.deployment_id is None:
            return job
        uow.logs.append(
            LogChunk(
                job.organization_id, job.deployment_id, f"{job.step}:{job.id}", number, tuple(lines)
            )
        )
        uow.notify("logs", str(job.deployment_id))
    return job


def finish(
    job_id: UUID,
    token: str,
    *,
    outcome: str,
    output: dict[str, Any],
    error: str | None,
    reason: str | None,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
) -> tuple[Job, bool]:
    """Take a job's result, close its step and answer its state. Taking it again is fine.

    Answers the job, and whether this was the first time.

    Raises Invalid for a build that succeeded without an image.
    """
    with uow:
        job = authenticated(job_id, token, uow=uow)
        first = job.state not in ENDED
        if first:
            job = _ended(job, outcome, output, error, reason)
            uow.jobs.save(job)
            record(uow, job)
    send(answers(job), workflows=workflows, vault=vault)
    return job, first


def _ended(
    job: Job, outcome: str, output: dict[str, Any], error: str | None, reason: str | None
) -> Job:
    state = JobState(outcome)
    if state is JobState.CANCELLED:
        error, reason = Cancelled.__name__, reason or "cancelled on request"
    named = getattr(errors, error or "", None)
    known = isinstance(named, type) and issubclass(named, PlatformError)
    return replace(
        job,
        state=state,
        output=output,
        error=None if state is JobState.SUCCEEDED else (error if known else "BuildFailed"),
        reason=reason,
        ended_at=now(),
    )


def lose(job: Job, reason: str, *, uow: UnitOfWork) -> Job:
    """End a job whose agent is gone, inside the caller's transaction; the caller answers."""
    lost = replace(
        job, state=JobState.FAILED, error=errors.AgentLost.__name__, reason=reason, ended_at=now()
    )
    uow.jobs.save(lost)
    record(uow, lost)
    return lost


def answers(job: Job) -> list[Answer]:
    """What the waiting state hears about an ended job; nothing for one without a state."""
    if job.sealed_token is None or job.state not in ENDED:
        return []
    if job.state is JobState.SUCCEEDED:
        return [Answer(job.sealed_token, job.deployment_id, output={"job": str(job.id)})]
    return [
        Answer(
            job.sealed_token,
            job.deployment_id,
            error=job.error or errors.AgentLost.__name__,
            reason=job.reason or "",
        )
    ]


def record(uow: UnitOfWork, job: Job) -> None:
    """Put an ended job's outcome where people read it: the ledger, and the deployment."""
    if job.deployment_id is None:
        return
    if job.kind is JobKind.BUILD and job.state is JobState.SUCCEEDED:
        _record_build(uow, job)
    repeated = job.kind is not JobKind.BUILD and job.error in _REPEATED
    if not repeated:
        uow.steps.end(
            job.organization_id,
            job.deployment_id,
            job.attempt,
            job.step,
            StepOutcome.SUCCEEDED if job.state is JobState.SUCCEEDED else StepOutcome.FAILED,
            error=job.error,
            reason=job.reason,
        )
    uow.notify("deployments", str(job.deployment_id))


def _record_build(uow: UnitOfWork, job: Job) -> None:
    assert job.deployment_id is not None  # noqa: S101 - builds belong to deployments
    output = job.output or {}
    if not output.get("image"):
        raise errors.Invalid("a build that succeeded reports the reference of its image")
    deployment = uow.deployments.lock(job.organization_id, job.deployment_id)
    built = replace(
        deployment,
        image=output["image"],
        sha=output.get("sha"),
        commit_message=(output.get("commit_message") or "")[:500] or None,
        commit_author=(output.get("commit_author") or "")[:200] or None,
    )
    uow.deployments.save(built)
    if built.sha != deployment.sha:
        announce(uow, built)

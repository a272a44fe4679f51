"""Never stuck: what nobody runs is started, answered, ended or taken away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import PlatformError, StaleFence
from shared.domain.ids import now
from shared.domain.jobs import ENDED as JOB_ENDED
from shared.domain.jobs import Job, JobState
from shared.ports.compute import Compute
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import ENDED as EXECUTION_ENDED
from shared.ports.workflows import Execution, Workflows
from shared.usecases import compensation, jobs, leasing
from shared.usecases.answers import Answer, send, token_context
from shared.usecases.attempts import Attempt
from shared.usecases.deployments import start

PATIENCE: Final = timedelta(seconds=5)
"""How old something must be before it counts as left alone: its maker may still be at it."""


@dataclass(frozen=True, slots=True)
class Line:
    """The way to a waiting state: the store that knows it, the engine, the vault of its token."""

    uow: UnitOfWork
    workflows: Workflows
    vault: Vault

    def send(self, answers: Sequence[Answer]) -> None:
        send(answers, workflows=self.workflows, vault=self.vault)


def attempt_of(deployment: Deployment) -> Attempt:
    """The deployment's present attempt, as its workflow knows it."""
    return Attempt(
        deployment.organization_id,
        deployment.service_id,
        deployment.id,
        deployment.attempt,
        deployment.lease_number,
    )


def resume_deployments(line: Line, *, compute: Compute) -> int:
    """Start executions that were never started; end deployments whose execution has ended."""
    with line.uow:
        waiting = [
            d
            for d in line.uow.deployments.unfinished_everywhere()
            if now() - d.updated_at > PATIENCE
        ]
    acted = 0
    for deployment in waiting:
        execution = line.workflows.describe(deployment.execution)
        if execution is None:
            start(deployment, workflows=line.workflows)
            acted += 1
        elif execution.status in EXECUTION_ENDED:
            end_deserted(deployment, _failure_of(execution), line, compute=compute)
            acted += 1
    return acted


def end_with_execution(
    organization_id: UUID,
    deployment_id: UUID,
    execution: Execution,
    line: Line,
    *,
    compute: Compute,
) -> bool:
    """End a deployment whose execution has ended, if that has not done it; whether it was so.

    Raises NotFound for a deployment that there is not.
    """
    with line.uow:
        deployment = line.uow.deployments.get(organization_id, deployment_id)
    if deployment.terminal or deployment.execution != execution.name:
        return False
    end_deserted(deployment, _failure_of(execution), line, compute=compute)
    return True


def _failure_of(execution: Execution) -> compensation.Failure:
    return compensation.Failure(
        execution.error or "AgentLost",
        execution.cause or "its workflow ended without an outcome",
    )


def end_deserted(
    deployment: Deployment, failure: compensation.Failure, line: Line, *, compute: Compute
) -> None:
    """Undo and end a deployment that no execution looks after any more."""
    attempt = attempt_of(deployment)
    try:
        compensation.undo(attempt, uow=line.uow, compute=compute)
    except PlatformError:
        compensation.give_up(attempt, uow=line.uow)
    compensation.mark_failed(
        attempt, failure, uow=line.uow, workflows=line.workflows, vault=line.vault
    )


def end_lost_jobs(line: Line, *, no_agent_after: timedelta) -> int:
    """Fail jobs whose agent went silent or that no agent can take; keep queued ones waited for."""
    answers: list[Answer] = []
    with line.uow:
        alive = {
            role
            for agent in line.uow.agents.list()
            if now() - agent.last_seen_at < no_agent_after
            for role in agent.roles
        }
        unfinished = [j for j in line.uow.jobs.unfinished_everywhere() if j.sealed_token]
        lost = [(j, reason) for j in unfinished if (reason := _lost(j, alive, no_agent_after))]
        for job, reason in lost:
            answers += jobs.answers(jobs.lose(line.uow.jobs.lock(job.id), reason, uow=line.uow))
    line.send(answers)
    gone = {job.id for job, _ in lost}
    queued = [j for j in unfinished if j.state is JobState.QUEUED and j.id not in gone]
    _beat(queued, line)
    return len(lost)


def _lost(job: Job, alive: set[str], no_agent_after: timedelta) -> str | None:
    if job.state is JobState.RUNNING and jobs.silent(job, job.heartbeat_limit_seconds):
        return (
            f"the agent {job.agent} stopped answering during {job.step} "
            f"(no heartbeat for {job.heartbeat_limit_seconds} s): see c2d agents"
        )
    waited = now() - job.created_at
    if job.state is JobState.QUEUED and job.role not in alive and waited > no_agent_after:
        return f"no agent with the role {job.role} is connected: start one, see c2d agents"
    return None


def _beat(queued: Sequence[Job], line: Line) -> None:
    """A queued job is waited for on purpose: its state's heartbeat clock must not run out."""
    for job in queued:
        token = line.vault.open(job.sealed_token or "", token_context(job.deployment_id))
        try:
            line.workflows.heartbeat(token)
        except PlatformError:
            with line.uow:
                present = line.uow.jobs.lock(job.id)
                if present.state is JobState.QUEUED:
                    line.uow.jobs.save(replace(present, state=JobState.CANCELLED, ended_at=now()))


def repeat_answers(line: Line) -> int:
    """Send the answers again whose first sending may have been lost; twice is once."""
    answers: list[Answer] = []
    with line.uow:
        for deployment in line.uow.deployments.unfinished_everywhere():
            if now() - deployment.updated_at <= PATIENCE:
                continue
            for job in line.uow.jobs.of_deployment(deployment.organization_id, deployment.id):
                current = job.attempt == deployment.attempt and job.state in JOB_ENDED
                if current and job.ended_at and now() - job.ended_at > PATIENCE:
                    answers += jobs.answers(job)
    line.send(answers)
    return len(answers)


def wake_lines(line: Line) -> int:
    """Take leases from deployments that have ended; grant free ones; repeat lost grants."""
    sent = 0
    with line.uow:
        services = line.uow.services.all_everywhere()
    for service in services:
        with line.uow:
            locked = line.uow.services.lock(service.organization_id, service.id)
            lease = line.uow.leases.lock(service.organization_id, service.id)
            answers: list[Answer] = []
            if lease.holder is not None:
                holder = line.uow.deployments.get(service.organization_id, lease.holder)
                if holder.terminal:
                    answers = leasing.release(line.uow, locked, holder.id)
            answers = answers or leasing.grant_next(line.uow, locked)
        line.send(answers)
        sent += len(answers)
    return sent


def retry_removals(*, uow: UnitOfWork, compute: Compute) -> int:
    """Try again to take away what ended deployments left behind; how much is still there."""
    with uow:
        ended = {
            (r.organization_id, r.service_id, r.deployment_id)
            for r in uow.resources.present_everywhere()
            if r.deployment_id and r.service_id
        }
        deserted = [
            attempt_of(deployment)
            for org, _, deployment_id in ended
            if deployment_id
            and (deployment := uow.deployments.get(org, deployment_id)).terminal
            and deployment.state is not DeploymentState.LIVE
        ]
    left = 0
    for attempt in deserted:
        try:
            compensation.undo(attempt, uow=uow, compute=compute)
        except PlatformError:
            left += 1
    return left


def each(steps: Sequence[Callable[[], object]], report: Callable[[PlatformError], None]) -> None:
    """Run every step; one that fails is reported and does not keep the others from running."""
    for step in steps:
        try:
            step()
        except StaleFence:
            continue
        except PlatformError as error:
            report(error)

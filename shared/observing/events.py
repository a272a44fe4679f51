"""What happens to deployments and their jobs, as lines and metrics."""

from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain.deployments import Deployment
from shared.domain.jobs import Job, JobKind, JobState
from shared.observing import metrics
from shared.observing.lines import Log
from shared.observing.subjects import about_deployment, about_job

if TYPE_CHECKING:
    from shared.usecases.census import Census

log = Log(__name__)


def deployment_ended(deployment: Deployment) -> None:
    """To be told once, by whoever ended it."""
    about_deployment(deployment)
    outcome = deployment.state.value
    took = _seconds(deployment.created_at, deployment.ended_at)
    log.info("deployment ended", outcome=outcome, error=deployment.error, seconds=took)
    metrics.count("DeploymentsEnded", Outcome=outcome)
    metrics.seconds("DeploymentSeconds", took, Outcome=outcome)


def job_begun(job: Job) -> None:
    """An agent has taken it."""
    about_job(job)
    waited = _seconds(job.created_at, job.claimed_at)
    log.info("job begun", agent=job.agent, waited_seconds=waited)
    if job.kind is not JobKind.WATCH:
        metrics.seconds("QueueWaitSeconds", waited, Queue=job.role)


def job_ended(job: Job) -> None:
    """Its agent has reported."""
    about_job(job)
    took = _seconds(job.created_at, job.ended_at)
    log.info("job ended", outcome=job.state.value, error=job.error, seconds=took)
    if job.deployment_id is not None:
        metrics.seconds("StepSeconds", took, Step=job.step)
    if job.kind is JobKind.BUILD and job.state is JobState.SUCCEEDED:
        metrics.seconds("BuildSeconds", _seconds(job.claimed_at or job.created_at, job.ended_at))


def counted(census: "Census") -> None:
    """What is counted once a minute: no number at all is as telling as a bad one."""
    metrics.count("AgentsSeen", census.agents)
    for role, number in census.by_role.items():
        metrics.count("AgentsSeen", number, Role=role)
    metrics.count("ResourcesNeedingAttention", census.needing_attention)
    metrics.count("ReportsLate", census.reports_late)


def _seconds(start: datetime, end: datetime | None) -> float:
    return 0.0 if end is None else round((end - start).total_seconds(), 3)

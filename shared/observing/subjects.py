"""What the lines of a piece of work are about, once it is known: their ids from then on."""

from typing import TYPE_CHECKING

from shared.observing.fields import note

if TYPE_CHECKING:
    from shared.domain.deployments import Deployment
    from shared.domain.jobs import Job
    from shared.domain.webhooks import Delivery


def about_deployment(deployment: "Deployment") -> None:
    """The correlation id is that of the request or delivery which it began with."""
    note(
        organization_id=deployment.organization_id,
        project_id=deployment.project_id,
        service_id=deployment.service_id,
        deployment_id=deployment.id,
        attempt=deployment.attempt,
        execution=deployment.execution,
        correlation_id=deployment.correlation_id or deployment.id,
    )


def about_job(job: "Job") -> None:
    """With the ids of the deployment it belongs to, where it belongs to one."""
    note(job_id=job.id, job_kind=job.kind, step=job.step)
    if job.deployment_id is not None:
        note(
            organization_id=job.organization_id,
            service_id=job.service_id,
            deployment_id=job.deployment_id,
            attempt=job.attempt,
            execution=f"{job.deployment_id}-{job.attempt}",
            correlation_id=job.correlation_id or job.deployment_id,
        )


def about_delivery(delivery: "Delivery") -> None:
    """`provider_delivery` is the id that the provider's own pages show."""
    note(
        organization_id=delivery.organization_id,
        delivery_id=delivery.id,
        hook_id=delivery.hook_id,
        provider_delivery=delivery.delivery_id,
        correlation_id=delivery.id,
    )

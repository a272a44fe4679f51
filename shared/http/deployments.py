"""A deployment as the API shows it."""

from dataclasses import replace

from shared.adapters.executions import console_url
from shared.domain.deployments import Deployment, Placed
from shared.http.schemas import DeploymentOut
from shared.observing.subjects import about_deployment
from shared.ports.store import UnitOfWork
from shared.settings import Settings


def deployment_out(uow: UnitOfWork, deployment: Deployment, settings: Settings) -> DeploymentOut:
    """A deployment as the API shows it, inside the caller's transaction."""
    placed = uow.deployments.placed(deployment.organization_id, deployment.id)
    return placed_out(replace(placed, deployment=deployment), settings)


def placed_out(placed: Placed, settings: Settings) -> DeploymentOut:
    """A deployment as the API shows it."""
    about_deployment(placed.deployment)
    url = settings.addresses.url(placed.service_slug, placed.project_slug)
    console = _console(placed.deployment, settings)
    return DeploymentOut.of(placed.deployment, url, placed.waiting_for, console)


def _console(deployment: Deployment, settings: Settings) -> str | None:
    """Where a person follows the execution; on one machine the steps themselves show it."""
    if settings.workflows != "step_functions":
        return None
    arns = settings.state_machine_arns
    return console_url(arns, deployment.machine, deployment.execution)

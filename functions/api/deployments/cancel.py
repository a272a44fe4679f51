"""POST /deployments/{deployment_id}/cancel"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deployments import deployment_out
from shared.http.deps import Config, Deployer, Engine, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import DeploymentOut
from shared.usecases.deployments import cancel

router = APIRouter(tags=["deployments"])


@router.post(f"{BASE}/deployments/{{deployment_id}}/cancel", status_code=202)
def cancel_deployment(
    deployment_id: UUID,
    caller: Deployer,
    uow: Store,
    workflows: Engine,
    vault: Secrets,
    settings: Config,
) -> DeploymentOut:
    """Stop a deployment that has not ended; asking again changes nothing."""
    deployment = cancel(
        caller.organization_id,
        deployment_id,
        uow=uow,
        workflows=workflows,
        vault=vault,
    )
    with uow:
        return deployment_out(uow, deployment, settings)


handler = lambda_handler(router)

"""POST /deployments/{deployment_id}/retry"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deployments import deployment_out
from shared.http.deps import Config, Deployer, Engine, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import DeploymentOut
from shared.usecases.deployments import retry

router = APIRouter(tags=["deployments"])


@router.post(f"{BASE}/deployments/{{deployment_id}}/retry", status_code=202)
def retry_deployment(
    deployment_id: UUID,
    caller: Deployer,
    uow: Store,
    workflows: Engine,
    settings: Config,
) -> DeploymentOut:
    """Run an ended deployment again from the step that failed, without building again."""
    deployment = retry(
        caller.organization_id,
        deployment_id,
        uow=uow,
        workflows=workflows,
    )
    with uow:
        return deployment_out(uow, deployment, settings)


handler = lambda_handler(router)

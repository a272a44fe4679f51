"""POST /services/{service_id}/rollback/{deployment_id}"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deployments import deployment_out
from shared.http.deps import Config, CurrentAct, Deployer, Engine, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import DeploymentOut
from shared.usecases.rollbacks import NOT_RESTORED, rollback

router = APIRouter(tags=["rollback"])


class RollbackOut(BaseModel):
    deployment: DeploymentOut
    not_restored: list[str]


@router.post(f"{BASE}/services/{{service_id}}/rollback/{{deployment_id}}", status_code=202)
def post_rollback(
    service_id: UUID,
    deployment_id: UUID,
    caller: Deployer,
    uow: Store,
    workflows: Engine,
    vault: Secrets,
    settings: Config,
    act: CurrentAct,
) -> RollbackOut:
    """Bring an earlier release back: its image, variables and settings. Pauses autodeploy."""
    deployment = rollback(
        caller.organization_id,
        service_id,
        deployment_id,
        actor=caller.name,
        uow=uow,
        workflows=workflows,
        vault=vault,
        correlation_id=act.request_id,
    )
    with uow:
        shown = deployment_out(uow, deployment, settings)
    return RollbackOut(deployment=shown, not_restored=list(NOT_RESTORED))


handler = lambda_handler(router)

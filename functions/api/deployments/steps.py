"""GET /deployments/{deployment_id}/steps"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, StepOut

router = APIRouter(tags=["deployments"])


@router.get(f"{BASE}/deployments/{{deployment_id}}/steps")
def list_steps(deployment_id: UUID, caller: Caller, uow: Store) -> Listed[StepOut]:
    """The ledger of a deployment, in the order things began."""
    with uow:
        uow.deployments.get(caller.organization_id, deployment_id)
        steps = uow.steps.list(caller.organization_id, deployment_id)
    return Listed(items=[StepOut.of(step) for step in steps])


handler = lambda_handler(router)

"""GET /services/{service_id}/deployments"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import DeploymentOut, Listed, listed

router = APIRouter(tags=["deployments"])


@router.get(f"{BASE}/services/{{service_id}}/deployments")
def list_deployments(
    service_id: UUID, caller: Caller, uow: Store, limit: Limit = 50, cursor: Cursor = None
) -> Listed[DeploymentOut]:
    """The service's deployments, newest first."""
    with uow:
        uow.services.get(caller.organization_id, service_id)
        page = uow.deployments.list(caller.organization_id, service_id, limit, cursor)
    return listed(page, [DeploymentOut.of(d) for d in page.items])


handler = lambda_handler(router)

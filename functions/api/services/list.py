"""GET /projects/{project_id}/services"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Config, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, ServiceOut, listed
from shared.http.services import service_out

router = APIRouter(tags=["services"])


@router.get(f"{BASE}/projects/{{project_id}}/services")
def list_services(
    project_id: UUID,
    caller: Caller,
    uow: Store,
    settings: Config,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[ServiceOut]:
    """The project's services, oldest first."""
    with uow:
        uow.projects.get(caller.organization_id, project_id)
        page = uow.services.list(caller.organization_id, project_id, limit, cursor)
        return listed(page, [service_out(uow, s, settings) for s in page.items])


handler = lambda_handler(router)

"""GET /services/{service_id}"""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from shared.http.app import BASE
from shared.http.conditional import NOT_MODIFIED, tagged
from shared.http.deps import Caller, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import ServiceOut
from shared.http.services import service_out

router = APIRouter(tags=["services"])


@router.get(f"{BASE}/services/{{service_id}}", response_model=ServiceOut, responses=NOT_MODIFIED)
def get_service(
    service_id: UUID,
    request: Request,
    caller: Caller,
    uow: Store,
    settings: Config,
) -> Response:
    """One service, with what serves for it now."""
    with uow:
        service = uow.services.get(caller.organization_id, service_id)
        out = service_out(uow, service, settings)
    return tagged(request, out, service.version)


handler = lambda_handler(router)

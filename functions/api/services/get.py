"""GET /services/{service_id}"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import ServiceOut
from shared.http.services import service_out

router = APIRouter(tags=["services"])


@router.get(f"{BASE}/services/{{service_id}}")
def get_service(service_id: UUID, caller: Caller, uow: Store, settings: Config) -> ServiceOut:
    """One service, with what serves for it now."""
    with uow:
        return service_out(uow, uow.services.get(caller.organization_id, service_id), settings)


handler = lambda_handler(router)

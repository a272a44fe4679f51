"""POST /services/{service_id}/restart"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Config, Deployer, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import ServiceOut
from shared.http.services import service_out
from shared.usecases.supervision import restart

router = APIRouter(tags=["services"])


@router.post(f"{BASE}/services/{{service_id}}/restart", status_code=202)
def restart_service(service_id: UUID, caller: Deployer, uow: Store, settings: Config) -> ServiceOut:
    """Restart what serves, at once; requests wait or fail for the moment it takes."""
    restart(caller.organization_id, service_id, uow=uow)
    with uow:
        return service_out(uow, uow.services.get(caller.organization_id, service_id), settings)


handler = lambda_handler(router)

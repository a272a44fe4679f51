"""PATCH /services/{service_id}"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from shared.http.app import BASE
from shared.http.deps import Config, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import ServiceOut
from shared.http.services import ServiceSettings, service_out
from shared.usecases.services import update_service

router = APIRouter(tags=["services"])


class ServicePatch(ServiceSettings):
    name: str | None = Field(default=None, min_length=1, max_length=60)


@router.patch(f"{BASE}/services/{{service_id}}")
def patch_service(
    service_id: UUID, body: ServicePatch, caller: Writer, uow: Store, settings: Config
) -> ServiceOut:
    """Change settings; they take effect with the next deployment."""
    service = update_service(caller.organization_id, service_id, settings=body.domain(), uow=uow)
    with uow:
        return service_out(uow, service, settings)


handler = lambda_handler(router)

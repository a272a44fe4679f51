"""PATCH /services/{service_id}"""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from shared.http.app import BASE
from shared.http.conditional import IfMatch, tagged
from shared.http.deps import Config, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.git import Hooks
from shared.http.schemas import ServiceOut
from shared.http.services import ServiceSettings, service_out
from shared.usecases.services import update_service

router = APIRouter(tags=["services"])


class ServicePatch(ServiceSettings):
    name: str | None = Field(default=None, min_length=1, max_length=60)


@router.patch(f"{BASE}/services/{{service_id}}", response_model=ServiceOut)
def patch_service(
    service_id: UUID,
    body: ServicePatch,
    request: Request,
    caller: Writer,
    uow: Store,
    settings: Config,
    expected: IfMatch,
    hooks: Hooks,
) -> Response:
    """Change settings; they take effect with the next deployment."""
    organization, wanted = caller.organization_id, body.domain(settings)
    service = update_service(
        organization,
        service_id,
        settings=wanted,
        expected=expected,
        uow=uow,
        access=hooks.access,
    )
    hooks.settle_source(organization, service_id)
    with uow:
        out = service_out(uow, service, settings)
    return tagged(request, out, service.version)


handler = lambda_handler(router)

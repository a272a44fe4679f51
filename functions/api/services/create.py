"""POST /projects/{project_id}/services"""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from shared.http.app import BASE
from shared.http.conditional import tagged
from shared.http.deps import Config, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.git import Hooks
from shared.http.schemas import ServiceOut
from shared.http.services import ServiceSettings, service_out
from shared.usecases.services import create_service

router = APIRouter(tags=["services"])


class ServiceBody(ServiceSettings):
    name: str = Field(min_length=1, max_length=60, examples=["api"])


@router.post(f"{BASE}/projects/{{project_id}}/services", status_code=201, response_model=ServiceOut)
def post_service(
    project_id: UUID,
    body: ServiceBody,
    request: Request,
    caller: Writer,
    uow: Store,
    settings: Config,
    hooks: Hooks,
) -> Response:
    """Create a service; deploy it to bring it to life."""
    service = create_service(
        caller.organization_id,
        project_id,
        name=body.name,
        settings=body.domain(settings),
        domain=settings.domain,
        uow=uow,
        access=hooks.access,
    )
    hooks.settle_source(service.organization_id, service.id)
    with uow:
        out = service_out(uow, service, settings)
    return tagged(request, out, service.version, 201)


handler = lambda_handler(router)

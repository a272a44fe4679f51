"""POST /resources/{resource_id}/retry"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Cloud, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import ResourceOut
from shared.usecases.retirement import retry_removal

router = APIRouter(tags=["resources"])


@router.post(f"{BASE}/resources/{{resource_id}}/retry", status_code=202)
def retry_resource(resource_id: UUID, caller: Writer, uow: Store, compute: Cloud) -> ResourceOut:
    """Try again to remove something that needs attention."""
    return ResourceOut.of(
        retry_removal(caller.organization_id, resource_id, uow=uow, compute=compute)
    )


handler = lambda_handler(router)

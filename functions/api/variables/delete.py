"""DELETE /services/{service_id}/env/{key}"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.usecases.variables import delete

router = APIRouter(tags=["env"])


@router.delete(f"{BASE}/services/{{service_id}}/env/{{key}}", status_code=204)
def delete_env(service_id: UUID, key: str, caller: Writer, uow: Store, force: bool = False) -> None:
    """Remove a variable from the next deployment on; with `force` even one others refer to."""
    delete(caller.organization_id, service_id, key, force=force, actor=caller.name, uow=uow)


handler = lambda_handler(router)

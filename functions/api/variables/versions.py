"""GET /services/{service_id}/env/versions"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, listed
from shared.http.variables import VersionOut
from shared.usecases.variable_history import versions

router = APIRouter(tags=["env"])


@router.get(f"{BASE}/services/{{service_id}}/env/versions")
def list_env_versions(
    service_id: UUID, caller: Caller, uow: Store, limit: Limit = 50, cursor: Cursor = None
) -> Listed[VersionOut]:
    """Who changed which variables when, newest first; names, never values."""
    page = versions(caller.organization_id, service_id, limit, cursor, uow=uow)
    return listed(page, [VersionOut.model_validate(made) for made in page.items])


handler = lambda_handler(router)

"""GET /projects"""

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, ProjectOut, listed

router = APIRouter(tags=["projects"])


@router.get(f"{BASE}/projects")
def list_projects(
    caller: Caller, uow: Store, limit: Limit = 50, cursor: Cursor = None
) -> Listed[ProjectOut]:
    """The organisation's projects, oldest first."""
    with uow:
        page = uow.projects.list(caller.organization_id, limit, cursor)
    return listed(page, [ProjectOut.of(p) for p in page.items])


handler = lambda_handler(router)

"""GET /git/connections"""

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.git import ConnectionOut
from shared.http.schemas import Listed, listed

router = APIRouter(tags=["git"])


@router.get(f"{BASE}/git/connections")
def list_connections(
    caller: Caller, uow: Store, limit: Limit = 50, cursor: Cursor = None
) -> Listed[ConnectionOut]:
    """The connected accounts, and whether their access is lost."""
    with uow:
        page = uow.connections.list(caller.organization_id, limit, cursor)
    return listed(page, [ConnectionOut.of(connection) for connection in page.items])


handler = lambda_handler(router)

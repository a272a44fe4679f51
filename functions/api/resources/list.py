"""GET /resources"""

from fastapi import APIRouter

from shared.domain.resources import ResourceState
from shared.http.app import BASE
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, ResourceOut, listed

router = APIRouter(tags=["resources"])


@router.get(f"{BASE}/resources")
def list_resources(
    caller: Caller,
    uow: Store,
    state: ResourceState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[ResourceOut]:
    """What the platform has made outside, by state; `needs_attention` is for people."""
    with uow:
        page = uow.resources.list(caller.organization_id, state, limit, cursor)
    return listed(page, [ResourceOut.of(r) for r in page.items])


handler = lambda_handler(router)

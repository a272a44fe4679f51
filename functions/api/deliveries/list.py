"""GET /webhook-deliveries"""

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deliveries import DeliveryOut, DeliveryState
from shared.http.deps import Caller, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, listed

router = APIRouter(tags=["webhooks"])


@router.get(f"{BASE}/webhook-deliveries")
def list_deliveries(
    caller: Caller,
    uow: Store,
    state: DeliveryState | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[DeliveryOut]:
    """What Git providers have delivered, newest first, each with its verdict and the reason."""
    with uow:
        page = uow.deliveries.list(caller.organization_id, state, limit, cursor)
    return listed(page, [DeliveryOut.of(d) for d in page.items])


handler = lambda_handler(router)

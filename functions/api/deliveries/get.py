"""GET /webhook-deliveries/{delivery_id}"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deliveries import DeliveryOut
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler

router = APIRouter(tags=["webhooks"])


@router.get(f"{BASE}/webhook-deliveries/{{delivery_id}}")
def get_delivery(delivery_id: UUID, caller: Caller, uow: Store) -> DeliveryOut:
    """One delivery."""
    with uow:
        return DeliveryOut.of(uow.deliveries.get(caller.organization_id, delivery_id))


handler = lambda_handler(router)

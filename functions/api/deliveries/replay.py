"""POST /webhook-deliveries/{delivery_id}/replay"""

from uuid import UUID

from fastapi import APIRouter

from shared.domain.ids import now
from shared.http.app import BASE
from shared.http.deliveries import DeliveryOut
from shared.http.deps import Deployer, Store, WebhookQueue
from shared.http.entry import lambda_handler
from shared.usecases.deliveries import replay

router = APIRouter(tags=["webhooks"])


@router.post(f"{BASE}/webhook-deliveries/{{delivery_id}}/replay", status_code=202)
def replay_delivery(
    delivery_id: UUID, caller: Deployer, uow: Store, queue: WebhookQueue
) -> DeliveryOut:
    """Decide on a delivery anew, as the services are set now; also on one that is dead."""
    org = caller.organization_id
    return DeliveryOut.of(replay(org, delivery_id, uow=uow, queue=queue, at=now()))


handler = lambda_handler(router)

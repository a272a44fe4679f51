"""GET /git/connections/{connection_id}/hooks"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler
from shared.http.git import HookOut

router = APIRouter(tags=["git"])


class HooksOut(BaseModel):
    items: list[HookOut]


@router.get(f"{BASE}/git/connections/{{connection_id}}/hooks")
def list_hooks(connection_id: UUID, caller: Caller, uow: Store) -> HooksOut:
    """Our webhooks at a connected account's repositories, and how they are doing."""
    with uow:
        uow.connections.get(caller.organization_id, connection_id)
        hooks = uow.hooks.of_connection(caller.organization_id, connection_id)
    return HooksOut(items=[HookOut.of(hook) for hook in hooks])


handler = lambda_handler(router)

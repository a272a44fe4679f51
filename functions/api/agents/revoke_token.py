"""DELETE /agents/tokens/{token_id}"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Admin, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Deletion, WillRemove
from shared.usecases.agents import revoke_token

router = APIRouter(tags=["agents"])


@router.delete(f"{BASE}/agents/tokens/{{token_id}}")
def delete_agent_token(
    token_id: UUID, caller: Admin, uow: Store, settings: Config, dry_run: bool = False
) -> Deletion:
    """Revoke a registration token, at once; with `dry_run` only say which."""
    token = revoke_token(caller, token_id, dry_run=dry_run, operator=settings.operator, uow=uow)
    gone = WillRemove(kind="agent_token", id=token.id, name=token.name)
    return Deletion(id=token.id, will_remove=[gone])


handler = lambda_handler(router)

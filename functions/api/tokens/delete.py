"""DELETE /tokens/{token_id}"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import Deletion, WillRemove
from shared.usecases.tokens import revoke_token

router = APIRouter(tags=["tokens"])


@router.delete(f"{BASE}/tokens/{{token_id}}")
def delete_token(token_id: UUID, caller: Writer, uow: Store, dry_run: bool = False) -> Deletion:
    """Revoke an API token, at once; with `dry_run` only say which."""
    token = revoke_token(caller, token_id, dry_run=dry_run, uow=uow)
    gone = WillRemove(kind="token", id=token.id, name=token.name)
    return Deletion(id=token.id, will_remove=[gone])


handler = lambda_handler(router)

"""POST /git/hooks/{hook_id}/rotate"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.git import HookOut, Hooks
from shared.usecases.hooks import rotate

router = APIRouter(tags=["git"])


@router.post(f"{BASE}/git/hooks/{{hook_id}}/rotate")
def post_rotation(hook_id: UUID, caller: Writer, uow: Store, hooks: Hooks) -> HookOut:
    """Give a webhook a new secret; what is signed with the old one is accepted for a day more."""
    return HookOut.of(rotate(caller.organization_id, hook_id, uow=uow, registrar=hooks))


handler = lambda_handler(router)

"""POST /git/connect/{provider}/{authorization_id}/confirm"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from shared.http.app import BASE
from shared.http.deps import Writer
from shared.http.entry import lambda_handler
from shared.http.git import ConnectDesk, ConnectionOut
from shared.http.schemas import Strict
from shared.usecases.connecting import confirm

router = APIRouter(tags=["git"])


class Confirmation(Strict):
    code: str = Field(min_length=1, max_length=40, examples=["ABCD-2345"])


@router.post(f"{BASE}/git/connect/{{provider}}/{{authorization_id}}/confirm")
def post_confirmation(
    authorization_id: UUID,
    body: Confirmation,
    caller: Writer,
    desk: ConnectDesk,
) -> ConnectionOut:
    """Complete what was begun in a terminal, with the code that the browser shows."""
    return ConnectionOut.of(confirm(caller, authorization_id, body.code, desk))


handler = lambda_handler(router)

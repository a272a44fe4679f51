"""POST /services/{service_id}/env/{key}/reveal"""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Admin, Secrets, Store
from shared.http.entry import lambda_handler
from shared.usecases.variables import reveal

router = APIRouter(tags=["env"])


class RevealedOut(BaseModel):
    key: str
    value: str


@router.post(f"{BASE}/services/{{service_id}}/env/{{key}}/reveal")
def reveal_env(
    service_id: UUID, key: str, caller: Admin, uow: Store, vault: Secrets, response: Response
) -> RevealedOut:
    """The value of a secret that is not sealed; who asked is written into the audit log."""
    response.headers["Cache-Control"] = "no-store"
    value = reveal(caller.organization_id, service_id, key, uow=uow, vault=vault)
    return RevealedOut(key=key, value=value)


handler = lambda_handler(router)

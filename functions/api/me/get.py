"""GET /me"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from shared.domain.access import ActorKind, Credential, Role, Scope
from shared.http.app import BASE
from shared.http.deps import Someone
from shared.http.entry import lambda_handler

router = APIRouter(tags=["me"])


class Me(BaseModel):
    id: str
    name: str
    kind: ActorKind
    user_id: str
    email: str | None
    organization_id: UUID
    roles: list[Role]
    scopes: list[Scope]
    credential: Credential


@router.get(f"{BASE}/me")
def get_me(caller: Someone) -> Me:
    """Who you are here, in which organisation, and what you may do."""
    return Me(
        id=caller.id,
        name=caller.name,
        kind=caller.kind,
        user_id=caller.user_id,
        email=caller.email,
        organization_id=caller.organization_id,
        roles=sorted(caller.roles),
        scopes=sorted(caller.scopes),
        credential=caller.credential,
    )


handler = lambda_handler(router)

"""POST /tokens"""

from fastapi import APIRouter
from pydantic import Field

from shared.domain.access import Scope
from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.idempotency import SHOWN_ONCE
from shared.http.schemas import Strict
from shared.http.tokens import TokenOut
from shared.usecases.tokens import create_token

router = APIRouter(tags=["tokens"])


class TokenBody(Strict):
    """Without `expires_in_days` it works until it is revoked."""

    name: str = Field(min_length=1, max_length=60, examples=["ci"])
    scopes: list[Scope] = Field(min_length=1, max_length=10)
    expires_in_days: int | None = Field(default=90, ge=1, le=3650)


class NewToken(TokenOut):
    token: str = Field(description="Shown now and never again")


@router.post(f"{BASE}/tokens", status_code=201, dependencies=[SHOWN_ONCE])
def post_token(body: TokenBody, caller: Writer, uow: Store) -> NewToken:
    """Make an API token with at most your own scopes. Its text is shown once."""
    made, text = create_token(
        caller, name=body.name, scopes=body.scopes, days=body.expires_in_days, uow=uow
    )
    return NewToken(**TokenOut.of(made).model_dump(), token=text)


handler = lambda_handler(router)

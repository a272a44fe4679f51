"""GET /sign-in"""

from fastapi import APIRouter
from pydantic import BaseModel

from shared import bootstrap
from shared.http.app import BASE
from shared.http.entry import lambda_handler

router = APIRouter(tags=["me"])


class SignIn(BaseModel):
    """Where people sign in; without an issuer there are API tokens only."""

    issuer: str | None
    client_id: str | None


@router.get(f"{BASE}/sign-in")
def get_sign_in() -> SignIn:
    """The OpenID Connect issuer that signs people in, and this application's client id there."""
    at = bootstrap.settings().sign_in
    return SignIn(issuer=at and at[0], client_id=at and at[1])


handler = lambda_handler(router)

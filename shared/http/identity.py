"""Who a request comes from: asked once, wherever it is needed."""

import secrets
from typing import Final
from uuid import UUID

from fastapi import Request

from shared import bootstrap
from shared.domain.access import Actor, ActorKind, Role, scopes_of
from shared.domain.errors import Unauthenticated

LOCAL_ORGANIZATION: Final = UUID("6f7267a0-0000-4000-8000-000000000001")
"""The organisation of whoever owns this machine."""


async def identify(request: Request) -> Actor:
    """The caller, by the request's bearer token. Raises Unauthenticated."""
    known: Actor | None = getattr(request.state, "actor", None)
    if known is None:
        known = request.state.actor = _owner(bearer_of(request))
    return known


def bearer_of(request: Request) -> str:
    """The bearer token of a request. Raises Unauthenticated without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send an API token: Authorization: Bearer c2d_… (see c2d login)")
    return token.strip()


def _owner(token: str) -> Actor:
    """The owner of this machine, by the token of its state folder."""
    expected = bootstrap.settings().api_token
    if not expected or not secrets.compare_digest(token.encode(), expected.encode()):
        raise Unauthenticated("this API token is not known here: sign in again with c2d login")
    roles = frozenset({Role.OWNER})
    return Actor(
        LOCAL_ORGANIZATION, "owner", "owner", ActorKind.USER, scopes_of(roles), roles, "owner"
    )

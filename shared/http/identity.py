"""Who a request comes from: asked once, wherever it is needed."""

import secrets

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from shared import bootstrap
from shared.domain.access import (
    LOCAL_ORGANIZATION,
    TOKEN_PREFIX,
    Actor,
    ActorKind,
    Credential,
    Role,
    scopes_of,
)
from shared.domain.errors import Unauthenticated
from shared.usecases.tokens import actor_of_token

__all__ = ["LOCAL_ORGANIZATION", "bearer_of", "identify"]


async def identify(request: Request) -> Actor:
    """The caller, by the request's bearer token. Raises Unauthenticated."""
    known: Actor | None = getattr(request.state, "actor", None)
    if known is None:
        known = request.state.actor = await _who(bearer_of(request))
    return known


def bearer_of(request: Request) -> str:
    """The bearer token of a request. Raises Unauthenticated without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send an API token: Authorization: Bearer c2d_… (see c2d login)")
    return token.strip()


async def _who(token: str) -> Actor:
    expected = bootstrap.settings().api_token
    if expected and secrets.compare_digest(token.encode(), expected.encode()):
        return _owner()
    if token.startswith(TOKEN_PREFIX):
        return await run_in_threadpool(actor_of_token, token, bootstrap.glance())
    access_tokens = bootstrap.access_tokens()
    if access_tokens is None:
        raise Unauthenticated("only API tokens (c2d_…) are accepted here: see c2d login")
    if access_tokens.ready(token):
        return access_tokens.check(token)
    return await run_in_threadpool(access_tokens.check, token)


def _owner() -> Actor:
    """The owner of this machine, by the token of its state folder."""
    roles = frozenset({Role.OWNER})
    return Actor(
        organization_id=LOCAL_ORGANIZATION,
        id="owner",
        name="owner",
        kind=ActorKind.USER,
        scopes=scopes_of(roles),
        roles=roles,
        user_id="owner",
        credential=Credential.MACHINE_TOKEN,
    )

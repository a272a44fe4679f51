"""API tokens: made, shown once, listed, revoked, and known again when one is sent."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

from shared.domain.access import (
    TOKEN_PREFIX,
    Actor,
    ActorKind,
    ApiToken,
    Credential,
    Scope,
    new_token_text,
    token_hash,
)
from shared.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated
from shared.domain.ids import new_id, now
from shared.domain.names import checked_name
from shared.ports.pages import Page
from shared.ports.store import UnitOfWork

USE_NOTED: Final = timedelta(minutes=1)
"""How much older the noted last use must be before it is written again."""
_HINT: Final = len(TOKEN_PREFIX) + 6
_LONGEST: Final = 200


def actor_of_token(text: str, uow: UnitOfWork) -> Actor:
    """Who an API token stands for. Raises Unauthenticated.

    Nothing of it is cached: a revoked token is refused from the next request on. Each transaction
    is one statement, so that `uow` may be one that commits by itself.
    """
    at = now()
    token = None
    if len(text) <= _LONGEST:
        with uow:
            token = uow.tokens.find_everywhere(token_hash(text))
    if token is None or not token.usable(at):
        state = "is not known here" if token is None else _ended(token)
        raise Unauthenticated(f"this API token {state}: sign in again with c2d login")
    if token.last_used_at is None or at - token.last_used_at >= USE_NOTED:
        with uow:
            uow.tokens.used(token.organization_id, token.id, at)
    return Actor(
        organization_id=token.organization_id,
        id=str(token.id),
        name=token.name,
        kind=ActorKind.TOKEN,
        scopes=frozenset(Scope(scope) for scope in token.scopes),
        user_id=token.user_id,
        credential=Credential.API_TOKEN,
    )


def _ended(token: ApiToken) -> str:
    return "has been revoked" if token.revoked_at is not None else "has expired"


def create_token(
    actor: Actor, *, name: str, scopes: Iterable[Scope], days: int | None, uow: UnitOfWork
) -> tuple[ApiToken, str]:
    """A new token of the caller's and its text, which is shown now and never again.

    `days` is how long it works, None until it is revoked. Raises Forbidden for a scope that the
    caller does not have.
    """
    wanted = sorted(set(scopes))
    if not wanted:
        raise Invalid("a token needs at least one scope")
    for scope in wanted:
        if scope not in actor.scopes:
            raise Forbidden(f"a token cannot have the scope {scope}: {actor.name} has it not")
    text, at = new_token_text(), now()
    token = ApiToken(
        id=new_id(),
        organization_id=actor.organization_id,
        name=checked_name(name),
        hint=text[:_HINT],
        token_hash=token_hash(text),
        scopes=tuple(wanted),
        user_id=actor.user_id or actor.id,
        created_by=actor.name,
        created_at=at,
        expires_at=None if days is None else at + timedelta(days=days),
    )
    with uow:
        _refuse_longer_life(actor, token, uow)
        uow.tokens.add(token)
        uow.audit.about("token", token.id, token.name, scopes=wanted)
    return token, text


def _refuse_longer_life(actor: Actor, token: ApiToken, uow: UnitOfWork) -> None:
    """What a token makes ends with it at the latest: else one that leaked would live on."""
    if actor.credential is not Credential.API_TOKEN:
        return
    parent = uow.tokens.get(actor.organization_id, UUID(actor.id))
    ends = parent.expires_at
    if ends is not None and (token.expires_at is None or token.expires_at > ends):
        raise Forbidden(f"a token cannot outlive the one that makes it ({ends:%Y-%m-%d %H:%M} UTC)")


def list_tokens(actor: Actor, *, limit: int, cursor: str | None, uow: UnitOfWork) -> Page[ApiToken]:
    """The caller's own tokens, newest first; an administrator sees everybody's."""
    everybody = Scope.ADMIN in actor.scopes
    with uow:
        if everybody:
            return uow.tokens.list(actor.organization_id, limit, cursor)
        return uow.tokens.list_of(actor.organization_id, _person(actor), limit, cursor)


def revoke_token(actor: Actor, token_id: UUID, *, dry_run: bool, uow: UnitOfWork) -> ApiToken:
    """Revoke a token, or with `dry_run` only find it; revoking twice is fine.

    Raises NotFound for one the caller cannot see.
    """
    with uow:
        token = uow.tokens.get(actor.organization_id, token_id)
        if Scope.ADMIN not in actor.scopes and token.user_id != _person(actor):
            raise NotFound(f"there is no token {token_id}")
        if token.revoked_at is None and not dry_run:
            token = token.revoked(now())
            uow.tokens.save(token)
            uow.audit.about("token", token.id, token.name)
    return token


def _person(actor: Actor) -> str:
    return actor.user_id or actor.id

"""Connecting an account of a Git provider: OAuth, bound to the user who began it.

The provider sends the browser back to us. That it is the browser of the user who began is shown
by a cookie, or by a code from the answer's page that they repeat where they began (a terminal has
no cookies). Without that, somebody could be lured into connecting their account to another's
organisation.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from shared.domain.access import Actor
from shared.domain.errors import Conflict, Forbidden, Gone, NotFound, PlatformError
from shared.domain.git import ConnectionState, GitAuthorization, GitConnection, Provider
from shared.domain.ids import new_id, now
from shared.ports.git import Account, GitProvider, Grant, Providers
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork

LIFETIME: Final = timedelta(minutes=10)
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE: Final = 8
_CONFIRM_TRIES: Final = 5
_BEGIN_AGAIN: Final = "begin again: c2d git connect"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user begins: a browser that keeps a cookie, or a terminal, perhaps with a port it
    listens at on the same machine."""

    terminal: bool = False
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the browser, and the cookie's value when it is to be bound to one."""

    authorization: GitAuthorization
    url: str
    cookie: str | None


@dataclass(frozen=True, slots=True)
class Arrived:
    """The provider's answer: a connection, or the code that completes it where it began."""

    authorization: GitAuthorization
    connection: GitConnection | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What connecting takes. `redirect_url` is where providers send browsers back to.

    `quiet` has transactions that are no act of the caller's, such as counting wrong codes.
    """

    uow: UnitOfWork
    quiet: UnitOfWork
    vault: Vault
    providers: Providers
    redirect_url: str


def begin(actor: Actor, kind: Provider, place: Place, desk: Desk) -> Begun:
    """Remember who begins, and where to send their browser. Raises Invalid if not set up."""
    provider = desk.providers(kind)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    cookie = None if place.terminal else secrets.token_urlsafe(32)
    id_, at = new_id(), now()
    authorization = GitAuthorization(
        id=id_,
        organization_id=actor.organization_id,
        provider=kind,
        base_url=provider.base_url,
        state_hash=_hash(state),
        sealed_verifier=desk.vault.seal(verifier, str(id_)),
        user_id=actor.user_id or actor.id,
        user_name=actor.name,
        created_at=at,
        expires_at=at + LIFETIME,
        browser_hash=_hash(cookie) if cookie else None,
        port=place.port,
    )
    with desk.uow as uow:
        uow.audit.about("git_authorization", id_, provider.base_url)
        uow.authorizations.add(authorization)
    url = provider.authorize_url(
        state=state, challenge=_challenge(verifier), redirect_url=desk.redirect_url
    )
    return Begun(authorization, url, cookie)


def claim(
    kind: Provider, state: str, cookie: str | None, *, uow: UnitOfWork, at: datetime
) -> GitAuthorization:
    """Use a state up, whatever comes after. Raises Forbidden when it is forged, used or another
    browser's, Gone when it has expired."""
    with uow:
        known = uow.authorizations.find_everywhere(_hash(state))
        if known is None or known.provider is not kind:
            raise Forbidden(f"this sign-in at {kind} was not begun here: {_BEGIN_AGAIN}")
        known = uow.authorizations.lock(known.organization_id, known.id)
        if known.used_at is not None:
            raise Forbidden(f"this sign-in has been used already: {_BEGIN_AGAIN}")
        uow.authorizations.save(replace(known, used_at=at))
    if known.expires_at <= at:
        raise Gone(f"this sign-in has expired: {_BEGIN_AGAIN}")
    if known.browser_hash and not _same(known.browser_hash, cookie):
        raise Forbidden(f"this sign-in was begun in another browser: {_BEGIN_AGAIN}")
    return replace(known, used_at=at)


def arrive(authorization: GitAuthorization, code: str, desk: Desk) -> Arrived:
    """Connect the account at once, or have its user confirm that it was them who agreed."""
    if authorization.browser_hash is not None:
        return Arrived(authorization, connection=_connect(authorization, code, desk))
    shown = "".join(secrets.choice(_ALPHABET) for _ in range(_CODE))
    kept = replace(
        authorization,
        sealed_code=desk.vault.seal(code, str(authorization.id)),
        confirm_hash=_hash(shown),
    )
    with desk.uow as uow:
        uow.audit.about("git_authorization", kept.id, kept.base_url)
        uow.authorizations.save(kept)
    return Arrived(kept, code=shown)


def confirm(actor: Actor, authorization_id: UUID, shown: str, desk: Desk) -> GitConnection:
    """Complete what the same user began, with the code that their browser showed them.

    Raises NotFound when it is another's, Gone when it is over, Conflict while the provider has not
    answered yet, Forbidden for a wrong code (five are enough).
    """
    authorization, code = _confirmed(actor, authorization_id, shown, desk)
    if code is None:
        raise Forbidden("this is not the code that the browser shows")
    return _connect(authorization, code, desk)


def _confirmed(
    actor: Actor, authorization_id: UUID, shown: str, desk: Desk
) -> tuple[GitAuthorization, str | None]:
    """The provider's code, which is used up with it; None when what was shown is another."""
    with desk.quiet as uow:
        known = uow.authorizations.lock(actor.organization_id, authorization_id)
        if known.user_id != (actor.user_id or actor.id):
            raise NotFound("you have begun no such sign-in")
        if known.expires_at <= now() or known.confirm_tries >= _CONFIRM_TRIES:
            raise Gone(f"this sign-in is over: {_BEGIN_AGAIN}")
        if known.confirm_hash is None or known.sealed_code is None:
            raise Conflict("the provider has not answered yet: agree there first")
        if not _same(known.confirm_hash, shown.strip().upper().replace("-", "")):
            uow.authorizations.save(replace(known, confirm_tries=known.confirm_tries + 1))
            return known, None
        code = desk.vault.open(known.sealed_code, str(known.id))
        used = replace(known, sealed_code=None)
        uow.authorizations.save(used)
        return used, code


def _connect(authorization: GitAuthorization, code: str, desk: Desk) -> GitConnection:
    provider = desk.providers(authorization.provider)
    verifier = desk.vault.open(authorization.sealed_verifier, str(authorization.id))
    grant = provider.exchange(code=code, verifier=verifier, redirect_url=desk.redirect_url)
    account = provider.account(grant.access_token)
    connection, before = _stored(authorization, grant, account, desk)
    if before is not None and before != grant.access_token:
        _give_back(provider, before)
    return connection


def _stored(
    authorization: GitAuthorization, grant: Grant, account: Account, desk: Desk
) -> tuple[GitConnection, str | None]:
    """The account's connection with its new tokens, and the access token it had before."""
    org, at = authorization.organization_id, now()
    with desk.uow as uow:
        found = uow.connections.find(
            org, authorization.provider, authorization.base_url, account.id
        )
        found = found and uow.connections.lock(org, found.id)
        id_ = found.id if found else new_id()
        connection = GitConnection(
            id=id_,
            organization_id=org,
            provider=authorization.provider,
            base_url=authorization.base_url,
            account_id=account.id,
            account_name=account.name,
            connected_by=authorization.user_name,
            created_at=found.created_at if found else at,
            updated_at=at,
            checked_at=at,
            state=ConnectionState.ACTIVE,
            version=found.version if found else 1,
            **sealed_tokens(grant, str(id_), desk.vault),
        )
        uow.audit.about("git_connection", id_, f"{account.name} at {authorization.base_url}")
        if found is None:
            uow.connections.add(connection)
        else:
            connection = uow.connections.save(connection)
        uow.authorizations.save(
            replace(authorization, sealed_code=None, confirm_hash=None, connection_id=id_)
        )
    before = desk.vault.open(found.sealed_access_token, str(id_)) if found else None
    return connection, before


def sealed_tokens(grant: Grant, context: str, vault: Vault) -> dict[str, Any]:
    """The tokens as a connection stores them."""
    refresh = grant.refresh_token
    return {
        "sealed_access_token": vault.seal(grant.access_token, context),
        "sealed_refresh_token": vault.seal(refresh, context) if refresh else None,
        "token_expires_at": grant.expires_at,
    }


def _give_back(provider: GitProvider, token: str) -> None:
    try:
        provider.revoke(token)
    except PlatformError:
        return  # it ends by itself, and the new one is what counts


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _same(expected: str, given: str | None) -> bool:
    return secrets.compare_digest(expected, _hash(given or ""))

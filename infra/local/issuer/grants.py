"""Sign-ins: authorization codes with PKCE, devices, refreshing, and their ends."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.domain.access import LOCAL_CLIENT, LOCAL_ORGANIZATION, token_hash
from shared.domain.errors import NotFound
from shared.domain.ids import new_id, now
from shared.domain.sign_in import Grant, GrantState, Member
from shared.ports.store import UnitOfWork

CODE_LIVES: Final = timedelta(minutes=1)
DEVICE_LIVES: Final = timedelta(minutes=10)
REFRESHED_WITHIN: Final = timedelta(days=30)
POLL_SECONDS: Final = 2
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""RFC 8628: no vowels, so no words."""


class RefusedGrantError(Exception):
    """An OAuth error: its code for programs, a sentence for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A sign-in that has just been used, its member, and what it shows next time."""

    grant: Grant
    member: Member
    refresh_token: str


Outcome = Redeemed | RefusedGrantError


def _shown(grant: Grant, secret: str) -> str:
    return f"{grant.id.hex}.{secret}"


def _secret() -> str:
    return secrets.token_urlsafe(32)


def _grant(state: GrantState, secret: str, scope: str, lives: timedelta) -> Grant:
    at = now()
    return Grant(
        organization_id=LOCAL_ORGANIZATION,
        id=new_id(),
        state=state,
        client_id=LOCAL_CLIENT,
        secret_hash=token_hash(secret),
        scope=scope,
        created_at=at,
        expires_at=at + lives,
    )


def grant_code(
    member: Member,
    *,
    redirect_uri: str,
    code_challenge: str,
    scope: str,
    nonce: str | None,
    uow: UnitOfWork,
) -> str:
    """A code that the client exchanges for tokens within a minute, with its verifier."""
    secret = _secret()
    grant = replace(
        _grant(GrantState.GRANTED, secret, scope, CODE_LIVES),
        member_id=member.id,
        redirect_uri=redirect_uri,
        code_challenge=code_challenge,
        nonce=nonce,
    )
    with uow:
        uow.grants.prune_everywhere(now() - timedelta(days=1))
        uow.grants.add(grant)
        uow.audit.about("member", member.id, member.email)
    return _shown(grant, secret)


def start_device(scope: str, uow: UnitOfWork) -> tuple[Grant, str]:
    """A device that waits for its person; the second is its code for polling."""
    secret = _secret()
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    grant = replace(
        _grant(GrantState.PENDING, secret, scope, DEVICE_LIVES),
        user_code=f"{letters[:4]}-{letters[4:]}",
    )
    with uow:
        uow.grants.prune_everywhere(now() - timedelta(days=1))
        uow.grants.add(grant)
    return grant, _shown(grant, secret)


def spelled(user_code: str) -> str:
    """A code for people as it is stored, however it was typed."""
    letters = "".join(c for c in user_code.upper() if c.isascii() and c.isalpha())[:8]
    return f"{letters[:4]}-{letters[4:]}"


def answer_device(user_code: str, member: Member | None, uow: UnitOfWork) -> None:
    """Let the device with that code sign in as `member`, or refuse it with None.

    Raises NotFound when no device waits with it.
    """
    with uow:
        grant = uow.grants.find(LOCAL_ORGANIZATION, spelled(user_code))
        if grant is None or grant.state is not GrantState.PENDING or _over(grant, now()):
            raise NotFound("no device waits with this code: start again there")
        if member is None:
            uow.grants.save(replace(grant, state=GrantState.DENIED))
            return
        uow.grants.save(replace(grant, state=GrantState.GRANTED, member_id=member.id))
        uow.audit.about("member", member.id, member.email)


def redeem_code(code: str, *, redirect_uri: str, verifier: str, uow: UnitOfWork) -> Redeemed:
    """Exchange a code, once: a second time ends what the first has begun."""
    with uow:
        grant = _found(code, uow)
        if grant is None or grant.state is not GrantState.GRANTED or grant.code_challenge is None:
            outcome: Outcome = _refused("this code is not valid (any more): sign in again")
        elif grant.redirect_uri != redirect_uri or _challenge(verifier) != grant.code_challenge:
            uow.grants.remove(LOCAL_ORGANIZATION, grant.id)
            outcome = _refused("the code was made for another client")
        else:
            outcome = _rotated(grant, uow)
    return _settled(outcome)


def redeem_device(device_code: str, uow: UnitOfWork) -> Redeemed:
    """Exchange a device's code when its person has agreed."""
    with uow:
        grant = _found(device_code, uow)
        if grant is None or grant.user_code is None:
            outcome: Outcome = _refused("start again: the code has expired", "expired_token")
        elif grant.state is GrantState.DENIED:
            outcome = _refused("the sign-in was refused", "access_denied")
        elif grant.state is GrantState.PENDING:
            outcome = _polled(grant, uow)
        else:
            outcome = _rotated(grant, uow)
    return _settled(outcome)


def refresh(refresh_token: str, uow: UnitOfWork) -> Redeemed:
    """Use a refresh token and get the next; one that was used before ends the sign-in."""
    with uow:
        grant = _found(refresh_token, uow)
        if grant is None or grant.state is not GrantState.ACTIVE:
            outcome: Outcome = _refused("this sign-in has ended: sign in again")
        else:
            outcome = _rotated(grant, uow)
    return _settled(outcome)


def end(token: str, uow: UnitOfWork) -> None:
    """Sign out: the refresh token's sign-in ends. One that is not known has ended already."""
    with uow:
        grant = _found(token, uow)
        if grant is not None:
            uow.grants.remove(LOCAL_ORGANIZATION, grant.id)


def _found(shown: str, uow: UnitOfWork) -> Grant | None:
    """The grant behind what a client shows, None when it is over.

    The right id with a wrong secret is somebody who shows what was used before, so two have it:
    the grant is removed.
    """
    id_, _, secret = shown[:200].partition(".")
    try:
        grant = uow.grants.lock(LOCAL_ORGANIZATION, UUID(id_))
    except (NotFound, ValueError):
        return None
    if not secrets.compare_digest(grant.secret_hash, token_hash(secret)):
        uow.grants.remove(LOCAL_ORGANIZATION, grant.id)
        return None
    return None if _over(grant, now()) else grant


def _refused(sentence: str, code: str = "invalid_grant") -> RefusedGrantError:
    return RefusedGrantError(code, sentence)


def _settled(outcome: Outcome) -> Redeemed:
    """Raises what was refused, after the transaction: what a refusal changes is kept."""
    if isinstance(outcome, RefusedGrantError):
        raise outcome
    return outcome


def _polled(grant: Grant, uow: UnitOfWork) -> RefusedGrantError:
    """Remember when a waiting device asked, and tell it to be slower when it must."""
    at = now()
    uow.grants.save(replace(grant, polled_at=at))
    if grant.polled_at is not None and at - grant.polled_at < timedelta(seconds=POLL_SECONDS):
        return _refused(f"ask every {POLL_SECONDS} s", "slow_down")
    return _refused("nobody has agreed yet", "authorization_pending")


def _rotated(grant: Grant, uow: UnitOfWork) -> Outcome:
    """The grant goes on with another secret."""
    if grant.member_id is None:
        return _refused("nobody has signed in")
    member = uow.members.get(LOCAL_ORGANIZATION, grant.member_id)
    secret = _secret()
    grant = replace(
        grant,
        state=GrantState.ACTIVE,
        secret_hash=token_hash(secret),
        expires_at=now() + REFRESHED_WITHIN,
        user_code=None,
        code_challenge=None,
        redirect_uri=None,
    )
    uow.grants.save(grant)
    return Redeemed(grant, member, _shown(grant, secret))


def _over(grant: Grant, at: datetime) -> bool:
    return at >= grant.expires_at


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

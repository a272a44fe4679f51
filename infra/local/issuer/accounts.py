"""Members: the owner's first password, invitations, and who signs in with which password."""

import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from infra.local.issuer.codes import new_code
from infra.local.issuer.passwords import checked_password, hashed, matches
from infra.local.state import write_private
from shared.domain.access import LOCAL_ORGANIZATION, Actor, Role, token_hash
from shared.domain.errors import Conflict, Forbidden, Invalid, Unauthenticated
from shared.domain.ids import new_id, now
from shared.domain.names import checked_name
from shared.domain.sign_in import Member
from shared.ports.store import UnitOfWork

INVITED_FOR: Final = timedelta(days=7)
_EMAIL: Final = re.compile(r"[^\s@<>\"']{1,64}@[^\s@<>\"']{1,190}")
_WRONG: Final = "the e-mail address or the password is wrong"


class SetupCode:
    """The one-time code in the state folder that makes an owner: whoever can read it owns the
    machine already. An empty file says that it was used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.turn = threading.Lock()

    def read(self) -> str:
        """The code; empty when there is none."""
        return self._path.read_text().strip() if self._path.exists() else ""

    def fits(self, given: str) -> bool:
        """Whether it is the code, and there is one."""
        expected = self.read()
        return bool(expected) and secrets.compare_digest(given.encode(), expected.encode())

    def renew(self) -> str:
        """Another code, for an owner who has forgotten the password."""
        write_private(self._path, f"{new_code()}\n")
        return self.read()

    def use_up(self) -> None:
        write_private(self._path, "")


def checked_email(email: str) -> str:
    """In lower case. Raises Invalid."""
    trimmed = email.strip().lower()
    if not _EMAIL.fullmatch(trimmed) or not trimmed.isprintable():
        raise Invalid("this is not an e-mail address")
    return trimmed


def join(
    *,
    code: str,
    email: str,
    name: str,
    password: str,
    setup: SetupCode,
    uow: UnitOfWork,
    joining: Callable[[Member], None],
) -> Member:
    """Choose a password with the machine's setup code or with an invitation.

    The setup code makes an owner, and gives one who forgot a new password. `joining` is told who
    it is before that is stored. Raises Invalid, Unauthenticated.
    """
    email = checked_email(email)
    stored = hashed(checked_password(password, email))
    name, given = checked_name(name), code.strip().lower()
    with setup.turn, uow:
        sets_up = setup.fits(given)
        found = uow.members.find(LOCAL_ORGANIZATION, email)
        invited = _owner(found, email) if sets_up else _invited(found, given)
        member = invited.with_password(stored, name, now())
        joining(member)
        if found is None:
            uow.members.add(member)
        else:
            uow.members.save(member)
        uow.audit.about("member", member.id, member.email, role=member.role)
        if sets_up:
            setup.use_up()
    return member


def _owner(found: Member | None, email: str) -> Member:
    return replace(found or _member(email, email, Role.OWNER), role=Role.OWNER)


def _invited(found: Member | None, code: str) -> Member:
    expires_at = found.invite_expires_at if found else None
    expected = (found.invite_hash if found else None) or ""
    fits = secrets.compare_digest(token_hash(code), expected)
    if found is None or not fits or expires_at is None or now() >= expires_at:
        raise Unauthenticated("this code does not fit this e-mail address, or has expired")
    return found


def _member(email: str, name: str, role: Role) -> Member:
    at = now()
    return Member(LOCAL_ORGANIZATION, new_id(), email, name, role, at, at)


def authenticate(email: str, password: str, uow: UnitOfWork) -> Member:
    """Who signs in. Takes as long for an address that nobody has. Raises Unauthenticated."""
    with uow:
        found = uow.members.find(LOCAL_ORGANIZATION, email.strip().lower())
    if not matches(password, found.password_hash if found else None) or found is None:
        raise Unauthenticated(_WRONG)
    return found


def invite(actor: Actor, *, email: str, role: Role, uow: UnitOfWork) -> tuple[Member, str]:
    """A member who may join with the answered code; inviting again makes another code.

    Raises Conflict for one who has joined, Forbidden when somebody else than an owner makes one.
    """
    if role is Role.OWNER and Role.OWNER not in actor.roles:
        raise Forbidden("only an owner can make an owner")
    email, code = checked_email(email), new_code()
    with uow:
        found = uow.members.find(LOCAL_ORGANIZATION, email)
        if found is not None and found.joined:
            raise Conflict(f"{email} is a member already")
        member = replace(
            found or _member(email, email, role),
            role=role,
            invite_hash=token_hash(code),
            invite_expires_at=now() + INVITED_FOR,
            updated_at=now(),
        )
        if found is None:
            uow.members.add(member)
        else:
            uow.members.save(member)
        uow.audit.about("member", member.id, member.email, role=role)
    return member, code


def remove(actor: Actor, member_id: UUID, *, dry_run: bool, uow: UnitOfWork) -> Member:
    """Take a member's access away: sign-ins, API tokens. What they deployed stays.

    Access tokens end by themselves within a quarter of an hour. Raises Conflict for the last
    owner, Forbidden when somebody else than an owner removes one.
    """
    with uow:
        member = uow.members.lock(LOCAL_ORGANIZATION, member_id)
        if member.role is Role.OWNER and Role.OWNER not in actor.roles:
            raise Forbidden("only an owner can remove an owner")
        is_owner = member.joined and member.role is Role.OWNER
        if is_owner and uow.members.owners(LOCAL_ORGANIZATION) < 2:
            raise Conflict("the last owner cannot be removed")
        if not dry_run:
            _revoke_tokens(member, uow)
            uow.members.remove(LOCAL_ORGANIZATION, member_id)
            uow.audit.about("member", member.id, member.email)
    return member


def _revoke_tokens(member: Member, uow: UnitOfWork) -> None:
    cursor: str | None = None
    while True:
        page = uow.tokens.list_of(LOCAL_ORGANIZATION, str(member.id), 100, cursor)
        for token in page.items:
            uow.tokens.save(token.revoked(now()))
        cursor = page.next_cursor
        if cursor is None:
            return

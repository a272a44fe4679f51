"""Members of this machine's organisation, for its administrators."""

from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from infra.local.issuer import accounts
from infra.local.issuer.parts import Issuer
from shared.domain.access import Role
from shared.domain.sign_in import Member
from shared.http.app import BASE
from shared.http.deps import Admin, CurrentAct, Cursor, Limit, Store
from shared.http.idempotency import SHOWN_ONCE
from shared.http.schemas import Deletion, Listed, Out, Strict, WillRemove, listed

router = APIRouter(include_in_schema=False)


class MemberOut(Out):
    id: UUID
    email: str
    name: str
    role: Role
    joined: bool
    created_at: datetime
    invite_expires_at: datetime | None

    @classmethod
    def of(cls, member: Member) -> "MemberOut":
        return cls.model_validate(member)


class Invitation(Strict):
    email: str = Field(max_length=255)
    role: Role


class Invited(MemberOut):
    code: str
    join_url: str


@router.post(f"{BASE}/members", status_code=201, dependencies=[SHOWN_ONCE])
def invite_member(
    body: Invitation, caller: Admin, uow: Store, act: CurrentAct, issuer: Issuer
) -> Invited:
    """Invite somebody; give them the answered link, which works once."""
    act.action = "members.invite"
    member, code = accounts.invite(caller, email=body.email, role=body.role, uow=uow)
    query = urlencode({"code": code, "email": member.email})
    shown = MemberOut.of(member).model_dump()
    return Invited(**shown, code=code, join_url=f"{issuer.url}/join?{query}")


@router.get(f"{BASE}/members")
def list_members(
    caller: Admin, uow: Store, limit: Limit = 50, cursor: Cursor = None
) -> Listed[MemberOut]:
    """Who may sign in here."""
    with uow:
        page = uow.members.list(caller.organization_id, limit, cursor)
    return listed(page, [MemberOut.of(member) for member in page.items])


@router.delete(f"{BASE}/members/{{member_id}}")
def remove_member(
    member_id: UUID, caller: Admin, uow: Store, act: CurrentAct, dry_run: bool = False
) -> Deletion:
    """Take a member's access away, with their API tokens."""
    act.action = "members.remove"
    member = accounts.remove(caller, member_id, dry_run=dry_run, uow=uow)
    gone = WillRemove(kind="member", id=member.id, name=member.email)
    return Deletion(id=member.id, will_remove=[gone])

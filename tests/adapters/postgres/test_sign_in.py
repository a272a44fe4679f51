"""Members and their sign-ins on every store."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from shared.domain.access import Role
from shared.domain.errors import Conflict, NotFound
from shared.domain.ids import now
from shared.domain.sign_in import Grant, GrantState, Member
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import ORG, OTHER_ORG

pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)


def a_member(email: str = "ada@example.com", **changed: object) -> Member:
    made = Member(ORG, uuid4(), email, "Ada ü", Role.OWNER, now(), now())
    return replace(made, **changed)  # type: ignore[arg-type]


def a_grant(member_id: UUID | None = None, **changed: object) -> Grant:
    at = now()
    made = Grant(
        ORG, uuid4(), GrantState.PENDING, "c", "h" * 64, "openid", at, at + timedelta(minutes=1)
    )
    return replace(made, member_id=member_id, **changed)  # type: ignore[arg-type]


def test_a_member_comes_back_as_added_and_as_saved(uow: UnitOfWork) -> None:
    member = a_member(invite_hash="i" * 64, invite_expires_at=now())
    with uow:
        uow.members.add(member)
    joined = member.with_password("scrypt$1", "Ada", now())
    with uow:
        assert uow.members.get(ORG, member.id) == uow.members.lock(ORG, member.id) == member
        assert uow.members.find(ORG, "ada@example.com") == member
        assert uow.members.find(ORG, "Ada@example.com") is None, "kept in lower case"
        assert uow.members.owners(ORG) == 0
        uow.members.save(joined)
        assert uow.members.get(ORG, member.id) == joined
        assert (uow.members.owners(ORG), uow.members.owners(OTHER_ORG)) == (1, 0)


def test_an_address_is_one_members_per_organisation(uow: UnitOfWork) -> None:
    with uow:
        uow.members.add(a_member())
        uow.members.add(a_member(organization_id=OTHER_ORG))
    with pytest.raises(Conflict, match=r"ada@example\.com is a member already"), uow:
        uow.members.add(a_member())


def test_members_are_listed_oldest_first(uow: UnitOfWork) -> None:
    first, second = a_member(), a_member("bob@example.com")
    with uow:
        uow.members.add(first)
        uow.members.add(second)
        page = uow.members.list(ORG, 1, None)
        assert page.items == [first]
        assert uow.members.list(ORG, 1, page.next_cursor).items == [second]
        assert uow.members.list(OTHER_ORG, 1, None).items == []


def test_a_removed_members_sign_ins_end(uow: UnitOfWork) -> None:
    member, other = a_member(), a_member("bob@example.com")
    with uow:
        for each in (member, other):
            uow.members.add(each)
        mine, others, nobodys = a_grant(member.id), a_grant(other.id), a_grant()
        for grant in (mine, others, nobodys):
            uow.grants.add(grant)
    with uow:
        uow.members.remove(OTHER_ORG, member.id)
        assert uow.grants.lock(ORG, mine.id) == mine
        uow.members.remove(ORG, member.id)
        uow.members.remove(ORG, member.id)
    with uow:
        assert uow.grants.lock(ORG, others.id) == others
        assert uow.grants.lock(ORG, nobodys.id) == nobodys
    for gone in (lambda: uow.grants.lock(ORG, mine.id), lambda: uow.members.get(ORG, member.id)):
        with pytest.raises(NotFound), uow:
            gone()


def test_a_grant_is_found_by_its_code_and_goes_on(uow: UnitOfWork) -> None:
    grant = a_grant(user_code="BCDF-GHJK", nonce="n", redirect_uri="http://127.0.0.1/")
    with uow:
        uow.grants.add(grant)
        uow.grants.add(a_grant(organization_id=OTHER_ORG, user_code="BCDF-GHJK"))
        uow.grants.add(a_grant())
        uow.grants.add(a_grant())
    with pytest.raises(Conflict), uow:
        uow.grants.add(a_grant(user_code="BCDF-GHJK"))
    granted = replace(grant, state=GrantState.ACTIVE, user_code=None, polled_at=now())
    with uow:
        assert uow.grants.find(ORG, "BCDF-GHJK") == grant
        assert uow.grants.find(ORG, "XXXX-XXXX") is None
        uow.grants.save(granted)
    with uow:
        assert uow.grants.find(ORG, "BCDF-GHJK") is None
        assert uow.grants.lock(ORG, grant.id) == granted
        uow.grants.remove(ORG, grant.id)
        uow.grants.remove(ORG, grant.id)


def test_what_has_expired_is_pruned(uow: UnitOfWork) -> None:
    old, fresh = a_grant(expires_at=now() - timedelta(days=2)), a_grant()
    with uow:
        uow.grants.add(old)
        uow.grants.add(fresh)
    with uow:
        assert uow.grants.prune_everywhere(now() - timedelta(days=1)) == 1
        assert uow.grants.prune_everywhere(now() - timedelta(days=1)) == 0
        assert uow.grants.lock(ORG, fresh.id) == fresh

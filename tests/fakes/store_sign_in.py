"""Members and sign-ins in memory."""

from datetime import datetime
from uuid import UUID

from shared.domain.access import Role
from shared.domain.errors import Conflict
from shared.domain.sign_in import Grant, Member
from shared.ports.pages import Page
from tests.fakes.store_entities import paged
from tests.fakes.store_rows import Rows, drop, require


class FakeMembers:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, member: Member) -> None:
        if self.find(member.organization_id, member.email) is not None:
            raise Conflict(f"{member.email} is a member already")
        self._rows.tables.members[member.organization_id, member.id] = member

    def get(self, organization_id: UUID, member_id: UUID) -> Member:
        return require(self._rows.tables.members, (organization_id, member_id))

    lock = get

    def find(self, organization_id: UUID, email: str) -> Member | None:
        mine = self._of(organization_id)
        return next((member for member in mine if member.email == email), None)

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[Member]:
        return paged(self._of(organization_id), limit, cursor)

    def owners(self, organization_id: UUID) -> int:
        return sum(m.role is Role.OWNER and m.joined for m in self._of(organization_id))

    def save(self, member: Member) -> None:
        self.get(member.organization_id, member.id)
        self._rows.tables.members[member.organization_id, member.id] = member

    def remove(self, organization_id: UUID, member_id: UUID) -> None:
        tables = self._rows.tables
        tables.members.pop((organization_id, member_id), None)
        mine = (organization_id, member_id)
        drop(tables.grants, [k for k, g in tables.grants.items() if (k[0], g.member_id) == mine])

    def _of(self, organization_id: UUID) -> "list[Member]":
        rows = self._rows.tables.members.values()
        return [member for member in rows if member.organization_id == organization_id]


class FakeGrants:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, grant: Grant) -> None:
        if grant.user_code and self.find(grant.organization_id, grant.user_code) is not None:
            raise Conflict("this code is taken")
        if grant.member_id is not None:
            require(self._rows.tables.members, (grant.organization_id, grant.member_id))
        self._rows.tables.grants[grant.organization_id, grant.id] = grant

    def lock(self, organization_id: UUID, grant_id: UUID) -> Grant:
        return require(self._rows.tables.grants, (organization_id, grant_id))

    def find(self, organization_id: UUID, user_code: str) -> Grant | None:
        wanted = (organization_id, user_code)
        rows = self._rows.tables.grants.values()
        return next((g for g in rows if (g.organization_id, g.user_code) == wanted), None)

    def save(self, grant: Grant) -> None:
        self.lock(grant.organization_id, grant.id)
        self._rows.tables.grants[grant.organization_id, grant.id] = grant

    def remove(self, organization_id: UUID, grant_id: UUID) -> None:
        self._rows.tables.grants.pop((organization_id, grant_id), None)

    def prune_everywhere(self, before: datetime) -> int:
        rows = self._rows.tables.grants
        old = [key for key, grant in rows.items() if grant.expires_at < before]
        drop(rows, old)
        return len(old)

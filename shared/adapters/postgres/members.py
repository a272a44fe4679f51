"""Members of this machine's organisation in the database."""

from uuid import UUID

from sqlalchemy import delete, func, select

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.sign_in import members
from shared.adapters.postgres.transaction import Transaction
from shared.domain.access import Role
from shared.domain.sign_in import Member
from shared.ports.pages import Page


class SqlMembers:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, members, Member)

    def add(self, member: Member) -> None:
        self._rows.insert(member, taken=f"{member.email} is a member already")

    def get(self, organization_id: UUID, member_id: UUID) -> Member:
        return self._rows.get(organization_id, member_id)

    def lock(self, organization_id: UUID, member_id: UUID) -> Member:
        return self._rows.get(organization_id, member_id, lock=True)

    def find(self, organization_id: UUID, email: str) -> Member | None:
        return self._rows.one(self._rows.where(organization_id=organization_id, email=email))

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[Member]:
        return self._rows.page(self._rows.where(organization_id=organization_id), limit, cursor)

    def owners(self, organization_id: UUID) -> int:
        query = select(func.count()).where(
            members.c.organization_id == organization_id,
            members.c.role == Role.OWNER,
            members.c.password_hash.is_not(None),
        )
        return int(self._rows.transaction.scalar(query) or 0)

    def save(self, member: Member) -> None:
        self._rows.update(member, taken=f"{member.email} is a member already")

    def remove(self, organization_id: UUID, member_id: UUID) -> None:
        mine = (members.c.organization_id == organization_id) & (members.c.id == member_id)
        self._rows.transaction.execute(delete(members).where(mine))

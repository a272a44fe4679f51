"""Sign-ins at this machine's own issuer in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.sign_in import sign_in_grants
from shared.adapters.postgres.transaction import Transaction
from shared.domain.sign_in import Grant


class SqlGrants:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, sign_in_grants, Grant)

    def add(self, grant: Grant) -> None:
        self._rows.insert(grant, taken="this code is taken")

    def lock(self, organization_id: UUID, grant_id: UUID) -> Grant:
        return self._rows.get(organization_id, grant_id, lock=True)

    def find(self, organization_id: UUID, user_code: str) -> Grant | None:
        query = self._rows.where(organization_id=organization_id, user_code=user_code)
        return self._rows.one(query.with_for_update())

    def save(self, grant: Grant) -> None:
        self._rows.update(grant, taken="this code is taken")

    def remove(self, organization_id: UUID, grant_id: UUID) -> None:
        columns = sign_in_grants.c
        mine = (columns.organization_id == organization_id) & (columns.id == grant_id)
        self._rows.transaction.execute(delete(sign_in_grants).where(mine))

    def prune_everywhere(self, before: datetime) -> int:
        old = sign_in_grants.c.expires_at < before
        return self._rows.transaction.changed(delete(sign_in_grants).where(old))

"""Accounts that are being connected, in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.git import oauth_states
from shared.adapters.postgres.transaction import Transaction
from shared.domain.git import GitAuthorization


class SqlAuthorizations:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, oauth_states, GitAuthorization)

    def add(self, authorization: GitAuthorization) -> None:
        self._rows.insert(authorization)

    def lock(self, organization_id: UUID, authorization_id: UUID) -> GitAuthorization:
        return self._rows.get(organization_id, authorization_id, lock=True)

    def find_everywhere(self, state_hash: str) -> GitAuthorization | None:
        return self._rows.one(self._rows.where(state_hash=state_hash))

    def save(self, authorization: GitAuthorization) -> None:
        self._rows.update(authorization)

    def prune_everywhere(self, before: datetime) -> int:
        old = oauth_states.c.expires_at < before
        return self._rows.transaction.changed(delete(oauth_states).where(old))

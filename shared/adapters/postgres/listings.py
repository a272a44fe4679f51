"""The repositories of connections as they were listed last, in the database."""

from uuid import UUID

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.git import git_listings
from shared.adapters.postgres.transaction import Transaction
from shared.domain.git import GitListing


class SqlListings:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        key = ("organization_id", "connection_id")
        self._rows = Entities(transaction, git_listings, GitListing, key=key)

    def find(self, organization_id: UUID, connection_id: UUID) -> GitListing | None:
        return self._rows.one(
            self._rows.where(organization_id=organization_id, connection_id=connection_id)
        )

    def put(self, listing: GitListing) -> None:
        self._tx.put(git_listings, self._rows.key, values(listing))

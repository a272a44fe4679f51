"""Accounts that are being connected, and listings of repositories, in memory."""

from datetime import datetime
from uuid import UUID

from shared.domain.git import GitAuthorization, GitListing
from tests.fakes.store_rows import Rows, drop, require


class FakeAuthorizations:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, authorization: GitAuthorization) -> None:
        key = (authorization.organization_id, authorization.id)
        self._rows.tables.authorizations[key] = authorization

    def lock(self, organization_id: UUID, authorization_id: UUID) -> GitAuthorization:
        return require(self._rows.tables.authorizations, (organization_id, authorization_id))

    def find_everywhere(self, state_hash: str) -> GitAuthorization | None:
        rows = self._rows.tables.authorizations.values()
        return next((row for row in rows if row.state_hash == state_hash), None)

    def save(self, authorization: GitAuthorization) -> None:
        self.lock(authorization.organization_id, authorization.id)
        self.add(authorization)

    def prune_everywhere(self, before: datetime) -> int:
        rows = self._rows.tables.authorizations
        old = [key for key, row in rows.items() if row.expires_at < before]
        drop(rows, old)
        return len(old)


class FakeListings:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def find(self, organization_id: UUID, connection_id: UUID) -> GitListing | None:
        return self._rows.tables.listings.get((organization_id, connection_id))

    def put(self, listing: GitListing) -> None:
        require(self._rows.tables.connections, (listing.organization_id, listing.connection_id))
        key = (listing.organization_id, listing.connection_id)
        self._rows.tables.listings[key] = listing

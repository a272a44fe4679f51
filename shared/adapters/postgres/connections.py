"""Connections to Git providers in the database."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.git import git_connections
from shared.adapters.postgres.transaction import Transaction
from shared.domain.git import GitConnection, Provider
from shared.ports.pages import Page


class SqlConnections:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, git_connections, GitConnection)

    def add(self, connection: GitConnection) -> None:
        taken = f"{connection.account_name} at {connection.base_url} is connected already"
        self._rows.insert(connection, taken=taken)

    def get(self, organization_id: UUID, connection_id: UUID) -> GitConnection:
        return self._rows.get(organization_id, connection_id)

    def lock(self, organization_id: UUID, connection_id: UUID) -> GitConnection:
        return self._rows.get(organization_id, connection_id, lock=True)

    def find(
        self, organization_id: UUID, provider: Provider, base_url: str, account_id: str
    ) -> GitConnection | None:
        return self._rows.one(
            self._rows.where(
                organization_id=organization_id,
                provider=provider,
                base_url=base_url,
                account_id=account_id,
            )
        )

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[GitConnection]:
        return self._rows.page(self._rows.where(organization_id=organization_id), limit, cursor)

    def save(self, connection: GitConnection) -> GitConnection:
        self._rows.update(connection, computed={"version": git_connections.c.version + 1})
        return replace(connection, version=connection.version + 1)

    def remove(self, organization_id: UUID, connection_id: UUID) -> None:
        mine = (git_connections.c.organization_id == organization_id) & (
            git_connections.c.id == connection_id
        )
        self._rows.transaction.execute(delete(git_connections).where(mine))

    def all_everywhere(self) -> Sequence[GitConnection]:
        order = (git_connections.c.created_at, git_connections.c.id)
        return self._rows.all(self._rows.where().order_by(*order))

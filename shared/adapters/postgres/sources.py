"""Which service is built from which connected repository, in the database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, delete

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.git import git_sources
from shared.adapters.postgres.transaction import Transaction
from shared.domain.git import GitSource


class SqlSources:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        key = ("organization_id", "service_id")
        self._rows = Entities(transaction, git_sources, GitSource, key=key)

    def put(self, source: GitSource) -> None:
        self._tx.put(git_sources, self._rows.key, values(source))

    def find(self, organization_id: UUID, service_id: UUID) -> GitSource | None:
        return self._rows.one(
            self._rows.where(organization_id=organization_id, service_id=service_id)
        )

    def of_repository(
        self, organization_id: UUID, connection_id: UUID, repository_id: str
    ) -> Sequence[GitSource]:
        query = self._rows.where(
            organization_id=organization_id,
            connection_id=connection_id,
            repository_id=repository_id,
        )
        return self._rows.all(_oldest_first(query))

    def of_connection(self, organization_id: UUID, connection_id: UUID) -> Sequence[GitSource]:
        query = self._rows.where(organization_id=organization_id, connection_id=connection_id)
        return self._rows.all(_oldest_first(query))

    def remove(self, organization_id: UUID, service_id: UUID) -> None:
        mine = (git_sources.c.organization_id == organization_id) & (
            git_sources.c.service_id == service_id
        )
        self._tx.execute(delete(git_sources).where(mine))


def _oldest_first(query: Select[GitSource]) -> Select[GitSource]:
    return query.order_by(git_sources.c.created_at, git_sources.c.service_id)

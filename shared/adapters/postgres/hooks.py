"""Our webhooks at Git providers, in the database."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.git import git_hooks
from shared.adapters.postgres.transaction import Transaction
from shared.domain.git import GitHook, Provider

_OLDEST_FIRST = (git_hooks.c.created_at, git_hooks.c.id)


class SqlHooks:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, git_hooks, GitHook)

    def add(self, hook: GitHook) -> None:
        self._rows.insert(hook, taken=f"the connection has a hook on {hook.full_name} already")

    def get(self, organization_id: UUID, hook_id: UUID) -> GitHook:
        return self._rows.get(organization_id, hook_id)

    def lock(self, organization_id: UUID, hook_id: UUID) -> GitHook:
        return self._rows.get(organization_id, hook_id, lock=True)

    def find(
        self, organization_id: UUID, connection_id: UUID, repository_id: str
    ) -> GitHook | None:
        return self._rows.one(
            self._rows.where(
                organization_id=organization_id,
                connection_id=connection_id,
                repository_id=repository_id,
            )
        )

    def of_connection(self, organization_id: UUID, connection_id: UUID) -> Sequence[GitHook]:
        query = self._rows.where(organization_id=organization_id, connection_id=connection_id)
        return self._rows.all(query.order_by(*_OLDEST_FIRST))

    def save(self, hook: GitHook) -> None:
        self._rows.update(hook)

    def remove(self, organization_id: UUID, hook_id: UUID) -> None:
        mine = (git_hooks.c.organization_id == organization_id) & (git_hooks.c.id == hook_id)
        self._rows.transaction.execute(delete(git_hooks).where(mine))

    def named_everywhere(self, provider: Provider, provider_hook_id: str) -> Sequence[GitHook]:
        query = self._rows.where(provider=provider, provider_hook_id=provider_hook_id)
        return self._rows.all(query.order_by(*_OLDEST_FIRST))

    def all_everywhere(self) -> Sequence[GitHook]:
        return self._rows.all(self._rows.where().order_by(*_OLDEST_FIRST))

"""Connections, sources, hooks and deliveries in memory."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.git import GitConnection, GitHook, GitSource, Provider
from shared.domain.webhooks import Delivery, Verdict
from shared.ports.pages import Page
from tests.fakes.store_entities import Listed, paged, position
from tests.fakes.store_rows import Rows, drop, require

L = TypeVar("L", bound=Listed)


def newest_first(rows: Iterable[L]) -> list[L]:
    return sorted(rows, key=position, reverse=True)


class FakeConnections:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, connection: GitConnection) -> None:
        c = connection
        if self.find(c.organization_id, c.provider, c.base_url, c.account_id):
            raise Conflict(f"{c.account_name} at {c.base_url} is connected already")
        self._rows.tables.connections[c.organization_id, c.id] = c

    def get(self, organization_id: UUID, connection_id: UUID) -> GitConnection:
        return require(self._rows.tables.connections, (organization_id, connection_id))

    lock = get

    def find(
        self, organization_id: UUID, provider: Provider, base_url: str, account_id: str
    ) -> GitConnection | None:
        wanted = (organization_id, provider, base_url, account_id)
        for c in self._rows.tables.connections.values():
            if (c.organization_id, c.provider, c.base_url, c.account_id) == wanted:
                return c
        return None

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[GitConnection]:
        rows = self._rows.tables.connections.values()
        return paged([c for c in rows if c.organization_id == organization_id], limit, cursor)

    def save(self, connection: GitConnection) -> GitConnection:
        kept = self.get(connection.organization_id, connection.id)
        saved = replace(connection, version=kept.version + 1)
        self._rows.tables.connections[connection.organization_id, connection.id] = saved
        return saved

    def remove(self, organization_id: UUID, connection_id: UUID) -> None:
        tables = self._rows.tables
        if tables.connections.pop((organization_id, connection_id), None) is None:
            return
        tables.listings.pop((organization_id, connection_id), None)
        for rows in (tables.sources, tables.reports):
            drop(rows, [k for k, row in rows.items() if row.connection_id == connection_id])
        for hook in FakeHooks(self._rows).of_connection(organization_id, connection_id):
            FakeHooks(self._rows).remove(organization_id, hook.id)

    def all_everywhere(self) -> Sequence[GitConnection]:
        return sorted(self._rows.tables.connections.values(), key=position)


class FakeSources:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def put(self, source: GitSource) -> None:
        require(self._rows.tables.services, (source.organization_id, source.service_id))
        self._rows.tables.sources[source.organization_id, source.service_id] = source

    def find(self, organization_id: UUID, service_id: UUID) -> GitSource | None:
        return self._rows.tables.sources.get((organization_id, service_id))

    def of_repository(
        self, organization_id: UUID, connection_id: UUID, repository_id: str
    ) -> Sequence[GitSource]:
        mine = self.of_connection(organization_id, connection_id)
        return [source for source in mine if source.repository_id == repository_id]

    def of_connection(self, organization_id: UUID, connection_id: UUID) -> Sequence[GitSource]:
        owner = (organization_id, connection_id)
        rows = self._rows.tables.sources.values()
        mine = [s for s in rows if (s.organization_id, s.connection_id) == owner]
        return sorted(mine, key=lambda s: (s.created_at, s.service_id))

    def remove(self, organization_id: UUID, service_id: UUID) -> None:
        self._rows.tables.sources.pop((organization_id, service_id), None)


class FakeHooks:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, hook: GitHook) -> None:
        if self.find(hook.organization_id, hook.connection_id, hook.repository_id):
            raise Conflict(f"the connection has a hook on {hook.full_name} already")
        self._rows.tables.hooks[hook.organization_id, hook.id] = hook

    def get(self, organization_id: UUID, hook_id: UUID) -> GitHook:
        return require(self._rows.tables.hooks, (organization_id, hook_id))

    lock = get

    def find(
        self, organization_id: UUID, connection_id: UUID, repository_id: str
    ) -> GitHook | None:
        mine = self.of_connection(organization_id, connection_id)
        return next((hook for hook in mine if hook.repository_id == repository_id), None)

    def of_connection(self, organization_id: UUID, connection_id: UUID) -> Sequence[GitHook]:
        owner = (organization_id, connection_id)
        return [h for h in self.all_everywhere() if (h.organization_id, h.connection_id) == owner]

    def save(self, hook: GitHook) -> None:
        self.get(hook.organization_id, hook.id)
        self._rows.tables.hooks[hook.organization_id, hook.id] = hook

    def remove(self, organization_id: UUID, hook_id: UUID) -> None:
        tables = self._rows.tables
        tables.hooks.pop((organization_id, hook_id), None)
        owner = (organization_id, hook_id)
        rows = tables.deliveries.items()
        gone = [k for k, d in rows if (d.organization_id, d.hook_id) == owner]
        drop(tables.deliveries, gone)

    def named_everywhere(self, provider: Provider, provider_hook_id: str) -> Sequence[GitHook]:
        name = (provider, provider_hook_id)
        return [h for h in self.all_everywhere() if (h.provider, h.provider_hook_id) == name]

    def all_everywhere(self) -> Sequence[GitHook]:
        return sorted(self._rows.tables.hooks.values(), key=position)


class FakeDeliveries:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def record(self, delivery: Delivery) -> tuple[Delivery, bool]:
        for stored in self._rows.tables.deliveries.values():
            if (stored.hook_id, stored.delivery_id) == (delivery.hook_id, delivery.delivery_id):
                return stored, False
        self._rows.tables.deliveries[delivery.organization_id, delivery.id] = delivery
        return delivery, True

    def get(self, organization_id: UUID, delivery_id: UUID) -> Delivery:
        return require(self._rows.tables.deliveries, (organization_id, delivery_id))

    lock = get

    def save(self, delivery: Delivery) -> None:
        self.get(delivery.organization_id, delivery.id)
        self._rows.tables.deliveries[delivery.organization_id, delivery.id] = delivery

    def known(
        self, organization_id: UUID, hook_id: UUID, delivery_ids: Collection[str]
    ) -> set[str]:
        owner = (organization_id, hook_id)
        rows = self._rows.tables.deliveries.values()
        mine = {d.delivery_id for d in rows if (d.organization_id, d.hook_id) == owner}
        return mine & set(delivery_ids)

    def list(
        self, organization_id: UUID, state: str | None, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        rows = self._rows.tables.deliveries.values()
        mine = [d for d in rows if d.organization_id == organization_id and _is(d, state)]
        return paged(mine, limit, cursor, newest_first=True)

    def newest(self, organization_id: UUID, hook_id: UUID, limit: int) -> Sequence[Delivery]:
        owner = (organization_id, hook_id)
        rows = self._rows.tables.deliveries.values()
        return newest_first(d for d in rows if (d.organization_id, d.hook_id) == owner)[:limit]

    def waiting(self, organization_id: UUID, hook_id: UUID, limit: int) -> Sequence[Delivery]:
        mine = reversed(self.newest(organization_id, hook_id, len(self._rows.tables.deliveries)))
        return [d for d in mine if d.verdict is None and not d.dead][:limit]

    def undecided_everywhere(self, queued_before: datetime, limit: int) -> Sequence[Delivery]:
        rows = sorted(self._rows.tables.deliveries.values(), key=position)
        open_ = [d for d in rows if d.verdict is None and not d.dead]
        return [d for d in open_ if d.queued_at is None or d.queued_at < queued_before][:limit]

    def prune_everywhere(self, before: datetime) -> int:
        rows = self._rows.tables.deliveries
        old = [k for k, d in rows.items() if d.created_at < before and d.verdict is not None]
        drop(rows, old)
        return len(old)


def _is(delivery: Delivery, state: str | None) -> bool:
    if state is None:
        return True
    if state in set(Verdict):
        return delivery.verdict == state
    return delivery.verdict is None and delivery.dead == (state == "dead")

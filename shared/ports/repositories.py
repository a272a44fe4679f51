"""Connections to Git providers, hooks, deliveries, reports and previews inside a transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from shared.domain.git import (
        CommitReport,
        GitAuthorization,
        GitConnection,
        GitHook,
        GitListing,
        GitSource,
        Provider,
    )
    from shared.domain.previews import Preview
    from shared.domain.webhooks import Delivery
    from shared.ports.pages import Page


class Connections(Protocol):
    def add(self, connection: GitConnection) -> None:
        """Raises Conflict when the organisation has that account of that provider already."""

    def get(self, organization_id: UUID, connection_id: UUID) -> GitConnection: ...

    def lock(self, organization_id: UUID, connection_id: UUID) -> GitConnection: ...

    def find(
        self, organization_id: UUID, provider: Provider, base_url: str, account_id: str
    ) -> GitConnection | None: ...

    def list(
        self, organization_id: UUID, limit: int, cursor: str | None
    ) -> Page[GitConnection]: ...

    def save(self, connection: GitConnection) -> GitConnection: ...

    def remove(self, organization_id: UUID, connection_id: UUID) -> None:
        """With its hooks and deliveries; services keep their repository's URL."""

    def all_everywhere(self) -> Sequence[GitConnection]: ...


class Sources(Protocol):
    """Which service is built from which connected repository: at most one each."""

    def put(self, source: GitSource) -> None: ...

    def find(self, organization_id: UUID, service_id: UUID) -> GitSource | None: ...

    def of_repository(
        self, organization_id: UUID, connection_id: UUID, repository_id: str
    ) -> Sequence[GitSource]:
        """Oldest first."""

    def of_connection(self, organization_id: UUID, connection_id: UUID) -> Sequence[GitSource]: ...

    def remove(self, organization_id: UUID, service_id: UUID) -> None: ...


class Hooks(Protocol):
    def add(self, hook: GitHook) -> None:
        """Raises Conflict when the connection has a hook on that repository already."""

    def get(self, organization_id: UUID, hook_id: UUID) -> GitHook: ...

    def lock(self, organization_id: UUID, hook_id: UUID) -> GitHook: ...

    def find(
        self, organization_id: UUID, connection_id: UUID, repository_id: str
    ) -> GitHook | None: ...

    def of_connection(self, organization_id: UUID, connection_id: UUID) -> Sequence[GitHook]: ...

    def save(self, hook: GitHook) -> None: ...

    def remove(self, organization_id: UUID, hook_id: UUID) -> None:
        """With its deliveries. Removing twice is fine."""

    def named_everywhere(self, provider: Provider, provider_hook_id: str) -> Sequence[GitHook]:
        """Those a delivery may be meant for: ids are unique per server, and servers differ."""

    def all_everywhere(self) -> Sequence[GitHook]: ...


class Authorizations(Protocol):
    """Accounts that are being connected."""

    def add(self, authorization: GitAuthorization) -> None: ...

    def lock(self, organization_id: UUID, authorization_id: UUID) -> GitAuthorization: ...

    def find_everywhere(self, state_hash: str) -> GitAuthorization | None: ...

    def save(self, authorization: GitAuthorization) -> None: ...

    def prune_everywhere(self, before: datetime) -> int:
        """Drop those that expired before then; how many."""


class Listings(Protocol):
    """The repositories of connections, as they were listed last."""

    def find(self, organization_id: UUID, connection_id: UUID) -> GitListing | None: ...

    def put(self, listing: GitListing) -> None: ...


class Deliveries(Protocol):
    def record(self, delivery: Delivery) -> tuple[Delivery, bool]:
        """The stored row, and whether this call stored it: once per hook and delivery id."""

    def get(self, organization_id: UUID, delivery_id: UUID) -> Delivery: ...

    def lock(self, organization_id: UUID, delivery_id: UUID) -> Delivery: ...

    def save(self, delivery: Delivery) -> None: ...

    def known(
        self, organization_id: UUID, hook_id: UUID, delivery_ids: Collection[str]
    ) -> set[str]:
        """Which of the provider's ids are stored."""

    def list(
        self, organization_id: UUID, state: str | None, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        """Newest first; `state` is a verdict, `waiting` or `dead`."""

    def newest(self, organization_id: UUID, hook_id: UUID, limit: int) -> Sequence[Delivery]:
        """Of one hook, newest first."""

    def waiting(self, organization_id: UUID, hook_id: UUID, limit: int) -> Sequence[Delivery]:
        """Of one hook, neither decided nor dead, oldest first."""

    def undecided_everywhere(self, queued_before: datetime, limit: int) -> Sequence[Delivery]:
        """Neither decided nor dead, and last queued before then or never; oldest first."""

    def prune_everywhere(self, before: datetime) -> int:
        """Drop decided ones created before then; how many."""


class Reports(Protocol):
    """An outbox: whoever tells a provider something claims the row first, and holds nothing else.

    A claim moves `next_try_at` from the past to `until`; of two at the same time one gets it.
    """

    def add(self, report: CommitReport) -> None:
        """Once per deployment; again changes nothing."""

    def find(self, organization_id: UUID, deployment_id: UUID) -> CommitReport | None: ...

    def lock(self, organization_id: UUID, deployment_id: UUID) -> CommitReport: ...

    def save(self, report: CommitReport) -> None: ...

    def claim(
        self, organization_id: UUID, deployment_id: UUID, at: datetime, until: datetime
    ) -> CommitReport | None:
        """That deployment's, if it is due."""

    def claim_everywhere(
        self, at: datetime, until: datetime, busy: Collection[UUID] = ()
    ) -> CommitReport | None:
        """The one that is due for the longest and none of the `busy` connections', or None."""

    def late_everywhere(self, before: datetime) -> int:
        """How many deployments changed before then without their providers knowing."""

    def newer(self, report: CommitReport) -> CommitReport | None:
        """The newest of the same service and commit, if it was added after this one."""

    def postpone(
        self, organization_id: UUID, connection_id: UUID, at: datetime, until: datetime
    ) -> None:
        """The connection's provider does not answer: what is due at `at` waits until then."""


class Previews(Protocol):
    """One per service and request. Their comments are an outbox as reports are."""

    def add(self, preview: Preview) -> None:
        """Raises Conflict when the service has an open one for that request already."""

    def get(self, organization_id: UUID, preview_id: UUID) -> Preview: ...

    def lock(self, organization_id: UUID, preview_id: UUID) -> Preview: ...

    def find(self, organization_id: UUID, service_id: UUID, number: int) -> Preview | None:
        """The newest for that request, closed or not."""

    def run_by(self, organization_id: UUID, preview_service_id: UUID) -> Preview | None:
        """The one that this service runs."""

    def open_of(self, organization_id: UUID, service_id: UUID) -> Sequence[Preview]:
        """The service's that are not closed, newest first."""

    def save(self, preview: Preview) -> None: ...

    def list(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[Preview]:
        """Newest first."""

    def open_everywhere(self) -> Sequence[Preview]:
        """Not closed, those that expire first in front."""

    def claim_everywhere(
        self, at: datetime, until: datetime, busy: Collection[UUID] = ()
    ) -> Preview | None:
        """One whose comment is due, as `Reports.claim_everywhere` does."""

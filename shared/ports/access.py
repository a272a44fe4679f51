"""Tokens and the audit log inside a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from shared.domain.access import ApiToken
    from shared.domain.audit import AuditEvent
    from shared.domain.canvas import Canvas
    from shared.ports.pages import Page


class Tokens(Protocol):
    def add(self, token: ApiToken) -> None: ...

    def get(self, organization_id: UUID, token_id: UUID) -> ApiToken: ...

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[ApiToken]:
        """Newest first, revoked ones too."""

    def list_of(
        self, organization_id: UUID, user_id: str, limit: int, cursor: str | None
    ) -> Page[ApiToken]:
        """Those of one person, likewise."""

    def save(self, token: ApiToken) -> None: ...

    def find_everywhere(self, token_hash: str) -> ApiToken | None: ...

    def used(self, organization_id: UUID, token_id: UUID, at: datetime) -> None:
        """Remember the last use, and nothing else of the row."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What to show of the audit log; empty fields take everything."""

    actor: str | None = None
    action: str | None = None
    resource_kind: str | None = None
    resource_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Audit(Protocol):
    """The request's own row writes itself when the transaction changed something."""

    def about(self, kind: str, id: object, name: str | None = None, **detail: Any) -> None:
        """Name what the request changes. `detail` never holds a secret's value."""

    def read(self, kind: str, id: object, name: str | None = None, **detail: Any) -> None:
        """Name the credential that is read: a row is written though nothing changes."""

    def add(self, event: AuditEvent) -> None:
        """Write a row of somebody else than the caller of this request."""

    def list(
        self, organization_id: UUID, wanted: AuditFilter, limit: int, cursor: str | None
    ) -> Page[AuditEvent]:
        """Newest first."""


class Canvases(Protocol):
    def find(self, organization_id: UUID, project_id: UUID) -> Canvas | None: ...

    def save(self, canvas: Canvas) -> Canvas:
        """Add or replace the project's canvas. `version` is the one it replaces (0: none yet);
        the answer carries the next. Raises PreconditionFailed when another is stored."""

"""Tokens, the audit log and canvases in memory."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.access import ApiToken
from shared.domain.audit import Act, AuditEvent
from shared.domain.canvas import Canvas
from shared.domain.errors import PreconditionFailed
from shared.ports.access import AuditFilter
from shared.ports.pages import Page
from tests.fakes.store_entities import paged
from tests.fakes.store_rows import Rows, require


class FakeTokens:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def add(self, token: ApiToken) -> None:
        self._rows.tables.tokens[token.organization_id, token.id] = token

    def get(self, organization_id: UUID, token_id: UUID) -> ApiToken:
        return require(self._rows.tables.tokens, (organization_id, token_id))

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[ApiToken]:
        rows = self._rows.tables.tokens.values()
        mine = [token for token in rows if token.organization_id == organization_id]
        return paged(mine, limit, cursor, newest_first=True)

    def list_of(
        self, organization_id: UUID, user_id: str, limit: int, cursor: str | None
    ) -> Page[ApiToken]:
        rows = self._rows.tables.tokens.values()
        mine = [t for t in rows if (t.organization_id, t.user_id) == (organization_id, user_id)]
        return paged(mine, limit, cursor, newest_first=True)

    def save(self, token: ApiToken) -> None:
        self.get(token.organization_id, token.id)
        self.add(token)

    def find_everywhere(self, token_hash: str) -> ApiToken | None:
        rows = self._rows.tables.tokens.values()
        return next((token for token in rows if token.token_hash == token_hash), None)

    def used(self, organization_id: UUID, token_id: UUID, at: datetime) -> None:
        found = self._rows.tables.tokens.get((organization_id, token_id))
        if found is not None:
            self.add(replace(found, last_used_at=at))


class FakeAudit:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.act: Act | None = None
        self._revealed = False

    def about(self, kind: str, id: object, name: str | None = None, **detail: Any) -> None:
        if self.act is not None:
            self.act.resource = (kind, str(id), name)
            self.act.detail |= detail

    def read(self, kind: str, id: object, name: str | None = None, **detail: Any) -> None:
        self.about(kind, id, name, **detail)
        self._revealed = True

    def write(self, *, changed: bool) -> None:
        """What the real store does at a transaction's end."""
        revealed, self._revealed = self._revealed, False
        event = self.act.event() if self.act and (changed or revealed) else None
        if event is not None and self.act is not None:
            self.add(event)
            self.act.recorded = True

    def add(self, event: AuditEvent) -> None:
        self._rows.tables.audit[event.organization_id, event.id] = event

    def list(
        self, organization_id: UUID, wanted: AuditFilter, limit: int, cursor: str | None
    ) -> Page[AuditEvent]:
        rows = self._rows.tables.audit.values()
        mine = [e for e in rows if e.organization_id == organization_id and _shown(e, wanted)]
        return paged(mine, limit, cursor, newest_first=True)


def _shown(event: AuditEvent, wanted: AuditFilter) -> bool:
    pairs = (
        (wanted.actor, event.actor_id),
        (wanted.action, event.action),
        (wanted.resource_kind, event.resource_kind),
        (wanted.resource_id, event.resource_id),
    )
    return (
        all(asked is None or asked == has for asked, has in pairs)
        and (wanted.since is None or event.created_at >= wanted.since)
        and (wanted.until is None or event.created_at < wanted.until)
    )


class FakeCanvases:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def find(self, organization_id: UUID, project_id: UUID) -> Canvas | None:
        return self._rows.tables.canvases.get((organization_id, project_id))

    def save(self, canvas: Canvas) -> Canvas:
        stored = self.find(canvas.organization_id, canvas.project_id)
        if (stored.version if stored else 0) != canvas.version:
            raise PreconditionFailed("the canvas has been changed in the meantime")
        saved = replace(canvas, version=canvas.version + 1)
        self._rows.tables.canvases[canvas.organization_id, canvas.project_id] = saved
        return saved

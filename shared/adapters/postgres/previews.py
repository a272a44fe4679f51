"""Previews in the database."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables import previews
from shared.adapters.postgres.transaction import Transaction
from shared.domain.previews import Preview, PreviewState

_C = previews.c
_NEWEST_FIRST = (_C.created_at.desc(), _C.id.desc())


class SqlPreviews:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, previews, Preview)

    def add(self, preview: Preview) -> None:
        self._rows.insert(preview, taken=_taken(preview), open_number=_open_number(preview))

    def get(self, organization_id: UUID, preview_id: UUID) -> Preview:
        return self._rows.get(organization_id, preview_id)

    def lock(self, organization_id: UUID, preview_id: UUID) -> Preview:
        return self._rows.get(organization_id, preview_id, lock=True)

    def find(self, organization_id: UUID, service_id: UUID, number: int) -> Preview | None:
        query = self._rows.where(
            organization_id=organization_id, service_id=service_id, number=number
        )
        return self._rows.one(query.order_by(*_NEWEST_FIRST).limit(1))

    def of_service(self, organization_id: UUID, service_id: UUID) -> Sequence[Preview]:
        query = self._rows.where(organization_id=organization_id, service_id=service_id)
        return self._rows.all(query.order_by(*_NEWEST_FIRST))

    def save(self, preview: Preview) -> None:
        self._rows.update(preview, taken=_taken(preview), open_number=_open_number(preview))

    def expired_everywhere(self, at: datetime) -> Sequence[Preview]:
        query = self._rows.where(_C.state != PreviewState.CLOSED, _C.expires_at <= at)
        return self._rows.all(query.order_by(_C.expires_at, _C.id))


def _open_number(preview: Preview) -> int | None:
    return None if preview.state is PreviewState.CLOSED else preview.number


def _taken(preview: Preview) -> str:
    return f"there is a preview of request {preview.number} already"

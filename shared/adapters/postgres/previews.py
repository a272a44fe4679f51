"""Previews in the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, or_, type_coerce, update

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.catalogue import services
from shared.adapters.postgres.tables.delivery import deployments
from shared.adapters.postgres.tables.git import previews
from shared.adapters.postgres.transaction import Transaction
from shared.domain.previews import Preview, PreviewState
from shared.ports.pages import Page

_C = previews.c
_D = deployments.c
_OPEN = _C.open_number.is_not(None)
_NEWEST_FIRST = (_C.created_at.desc(), _C.id.desc())
_TRIED_AT_ONCE: Final = 20


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

    def run_by(self, organization_id: UUID, preview_service_id: UUID) -> Preview | None:
        query = self._rows.where(
            organization_id=organization_id, preview_service_id=preview_service_id
        )
        return self._rows.one(query)

    def open_of(self, organization_id: UUID, service_id: UUID) -> Sequence[Preview]:
        mine = self._rows.where(_OPEN, organization_id=organization_id, service_id=service_id)
        return self._rows.all(mine.order_by(*_NEWEST_FIRST))

    def list(
        self, organization_id: UUID, service_id: UUID, limit: int, cursor: str | None
    ) -> Page[Preview]:
        query = self._rows.where(organization_id=organization_id, service_id=service_id)
        return self._rows.page(query, limit, cursor, newest_first=True)

    def save(self, preview: Preview) -> None:
        self._rows.update(preview, taken=_taken(preview), open_number=_open_number(preview))

    def open_everywhere(self) -> Sequence[Preview]:
        return self._rows.all(self._rows.where(_OPEN).order_by(_C.expires_at, _C.id))

    def claim_everywhere(
        self, at: datetime, until: datetime, busy: Collection[UUID] = ()
    ) -> Preview | None:
        for found in self._rows.all(self._due(at, busy)):
            unclaimed = and_(
                _C.organization_id == found.organization_id,
                _C.id == found.id,
                _C.next_try_at == found.next_try_at,
            )
            claim = update(previews).where(unclaimed).values(next_try_at=until)
            if self._rows.transaction.changed(claim):
                return self._rows.get(found.organization_id, found.id)
        return None

    def _due(self, at: datetime, busy: Collection[UUID]) -> Select[Any]:
        """A service's newest deployment has the number before its next one."""
        its_service = and_(
            services.c.organization_id == _C.organization_id,
            services.c.id == _C.preview_service_id,
        )
        newest = and_(
            _D.organization_id == services.c.organization_id,
            _D.service_id == services.c.id,
            _D.number == services.c.next_number - 1,
        )
        news = or_(_C.commented.is_(None), _C.commented != _standing())
        query = self._rows.where(_C.next_try_at <= at).outerjoin(services, its_service)
        query = query.outerjoin(deployments, newest).where(news)
        query = query.where(_C.connection_id.not_in(busy)) if busy else query
        return query.order_by(_C.next_try_at, _C.id).limit(_TRIED_AT_ONCE)


def _standing() -> ColumnElement[str]:
    """`shared.domain.previews.standing`, where the rows are."""
    number = func.coalesce(cast(_D.number, String(12)), "")
    state = func.coalesce(type_coerce(_D.state, String), "")
    said = type_coerce(_C.state, String).concat(":").concat(_C.sha).concat(":").concat(number)
    return said.concat(":").concat(state)


def _open_number(preview: Preview) -> int | None:
    return None if preview.state is PreviewState.CLOSED else preview.number


def _taken(preview: Preview) -> str:
    return f"there is a preview of request {preview.number} already"

"""Previews as the API answers them."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel

from shared.domain.errors import NotFound
from shared.domain.previews import Preview, PreviewState
from shared.domain.services import Service
from shared.http.schemas import WillRemove
from shared.http.services import service_url
from shared.ports.store import UnitOfWork
from shared.settings import Settings
from shared.usecases.preview_following import newest_deployment


class PreviewOut(BaseModel):
    """One request's preview: where it runs, at which commit, and why not if it does not."""

    id: UUID
    service_id: UUID
    project_id: UUID
    preview_service_id: UUID | None
    number: int
    title: str
    branch: str
    sha: str
    author: str
    from_fork: bool
    state: PreviewState
    reason: str | None
    approved_by: str | None
    url: str | None
    deployment_id: UUID | None
    deployment_state: str | None
    comment_error: str | None
    created_at: datetime
    updated_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, uow: UnitOfWork, preview: Preview, settings: Settings) -> Self:
        """Inside the caller's transaction."""
        newest = newest_deployment(uow, preview)
        found = {
            "url": _url(uow, preview, settings),
            "deployment_id": newest and newest.id,
            "deployment_state": newest and newest.state.value,
            "comment_error": preview.error,
        }
        same = cls.model_fields.keys() - found.keys()
        return cls.model_validate({name: getattr(preview, name) for name in same} | found)


def will_remove(uow: UnitOfWork, preview: Preview) -> list[WillRemove]:
    """What goes with a preview, inside the caller's transaction."""
    itself = WillRemove(kind="preview", id=preview.id, name=f"#{preview.number} {preview.title}")
    running = _running(uow, preview)
    if running is None:
        return [itself]
    return [WillRemove(kind="service", id=running.id, name=running.name), itself]


def _url(uow: UnitOfWork, preview: Preview, settings: Settings) -> str | None:
    running = _running(uow, preview)
    return service_url(uow, running, settings) if running else None


def _running(uow: UnitOfWork, preview: Preview) -> Service | None:
    if preview.preview_service_id is None:
        return None
    try:
        return uow.services.get(preview.organization_id, preview.preview_service_id)
    except NotFound:
        return None

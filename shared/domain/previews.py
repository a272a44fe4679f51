"""A preview: a service of its own for one pull or merge request."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class PreviewState(StrEnum):
    AWAITING_APPROVAL = "awaiting_approval"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Preview:
    """`service_id` is the service it is a preview of; `preview_service_id` the one that runs it."""

    id: UUID
    organization_id: UUID
    project_id: UUID
    service_id: UUID
    connection_id: UUID
    repository_id: str
    number: int
    title: str
    branch: str
    sha: str
    author: str
    from_fork: bool
    state: PreviewState
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    preview_service_id: UUID | None = None
    comment_ref: str | None = None
    approved_by: str | None = None
    reason: str | None = None

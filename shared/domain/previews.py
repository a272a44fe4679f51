"""A preview: a service of its own for one pull or merge request."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Final
from uuid import UUID

from shared.domain.deployments import Deployment
from shared.domain.git import Provider

_SLUG: Final = 40


class PreviewState(StrEnum):
    AWAITING_APPROVAL = "awaiting_approval"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Preview:
    """`service_id` is the service it is a preview of; `preview_service_id` the one that runs it.

    There is one per request: a request that is opened again revives it. The comment on the request
    is due while `commented` is not how the preview stands (`standing`); `next_try_at`, `tries` and
    `error` are the comment's, as those of a CommitReport.
    """

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
    next_try_at: datetime
    preview_service_id: UUID | None = None
    comment_ref: str | None = None
    approved_by: str | None = None
    reason: str | None = None
    commented: str | None = None
    tries: int = 0
    error: str | None = None

    @property
    def open(self) -> bool:
        return self.state is not PreviewState.CLOSED

    @property
    def runs(self) -> bool:
        """Whether it has a service now."""
        return self.open and self.preview_service_id is not None


def standing(preview: Preview, newest: Deployment | None) -> str:
    """How it stands with its service's newest deployment: differs when the comment should."""
    seen = f"{newest.number}:{newest.state}" if newest else ":"
    return f"{preview.state}:{preview.sha}:{seen}"


def head_ref(provider: Provider, number: int) -> str:
    """Where the repository itself keeps a request's head, forks' too."""
    kind = "pull" if provider is Provider.GITHUB else "merge-requests"
    return f"refs/{kind}/{number}/head"


def preview_slug(slug: str, number: int, taken: Collection[str]) -> str:
    """A slug of at most 40 characters for the preview of request `number`, none of those `taken`.

    An earlier preview of the request may still be on its way out.
    """
    ends = (f"-pr-{number}" + (f"-{again}" if again > 1 else "") for again in count(1))
    made = (slug[: _SLUG - len(end)].rstrip("-") + end for end in ends)
    return next(each for each in made if each not in taken)

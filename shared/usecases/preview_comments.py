"""The comment on a request that says how its preview stands: one, rewritten in place.

It is an outbox as reports are: due while it says something else than is so.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import AccessLost, NotFound, PlatformError
from shared.domain.git import GitConnection
from shared.domain.ids import now
from shared.domain.previews import Preview, PreviewState, standing
from shared.domain.projects import Project
from shared.domain.services import Service
from shared.ports.store import UnitOfWork
from shared.usecases.addresses import Addresses
from shared.usecases.outbox import CLAIM, PATIENCE, Reach, losing_access, next_try
from shared.usecases.preview_following import newest_deployment

_LONGEST_REASON: Final = 300
_FORK: Final = "This commit comes from a fork. It runs once a member has read it and says"


def claim_comment(*, uow: UnitOfWork, at: datetime, busy: Collection[UUID] = ()) -> Preview | None:
    """A preview whose comment is due, held for whoever calls; None when there is none."""
    with uow:
        return uow.previews.claim_everywhere(at, at + CLAIM, busy)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a comment is about, as it stood when it was read."""

    preview: Preview
    parent: Service
    project: Project
    connection: GitConnection
    full_name: str
    running: Service | None
    deployment: Deployment | None

    @property
    def standing(self) -> str:
        return standing(self.preview, self.deployment)


def send_comment(claimed: Preview, *, uow: UnitOfWork, reach: Reach, at: Addresses) -> bool:
    """Write the comment, outside of any transaction; whether it was written.

    What fails is tried again later, up to a day; without access, when there is news.
    """
    seen = _read(claimed, uow)
    if seen is None:
        return False
    preview = seen.preview
    try:
        host, token = reach(seen.connection)
        with losing_access(seen.connection, preview.service_id, host, token, uow=uow):
            text = comment(seen, at)
            ref = host.comment(token, seen.full_name, preview.number, text, preview.comment_ref)
    except (AccessLost, NotFound) as error:
        _settle(seen, uow, error=error.reason)
    except PlatformError as error:
        _try_later(seen, error, uow)
    else:
        _settle(seen, uow, ref=ref)
        return True
    return False


def _read(claimed: Preview, uow: UnitOfWork) -> _Seen | None:
    """None when the claim is lost, or there is nobody to tell any more."""
    org = claimed.organization_id
    with uow:
        try:
            preview = uow.previews.get(org, claimed.id)
            if preview.next_try_at != claimed.next_try_at:
                return None
            parent = uow.services.get(org, claimed.service_id)
            project = uow.projects.get(org, parent.project_id)
            connection = uow.connections.get(org, claimed.connection_id)
        except NotFound:
            _forget(claimed, uow)
            return None
        source = uow.sources.find(org, parent.id)
        if source is None or source.repository_id != claimed.repository_id:
            _forget(claimed, uow)
            return None
        running = _running(uow, preview)
        newest = newest_deployment(uow, preview) if running else None
    return _Seen(preview, parent, project, connection, source.full_name, running, newest)


def _running(uow: UnitOfWork, preview: Preview) -> Service | None:
    if preview.preview_service_id is None:
        return None
    try:
        return uow.services.get(preview.organization_id, preview.preview_service_id)
    except NotFound:
        return None


def _forget(claimed: Preview, uow: UnitOfWork) -> None:
    """There is nobody to tell any more; a day later it may be otherwise."""
    try:
        present = uow.previews.lock(claimed.organization_id, claimed.id)
    except NotFound:
        return
    uow.previews.save(replace(present, next_try_at=now() + PATIENCE))


def _settle(
    seen: _Seen, uow: UnitOfWork, *, ref: str | None = None, error: str | None = None
) -> None:
    with uow:
        try:
            present = uow.previews.lock(seen.preview.organization_id, seen.preview.id)
        except NotFound:
            return
        kept = replace(present, comment_ref=ref or present.comment_ref)
        if present.next_try_at == seen.preview.next_try_at:  # the claim still holds
            kept = replace(kept, commented=seen.standing, tries=0, error=error, next_try_at=now())
        uow.previews.save(kept)


def _try_later(seen: _Seen, error: PlatformError, uow: UnitOfWork) -> None:
    at = now()
    changed = seen.deployment.updated_at if seen.deployment else seen.preview.updated_at
    if at - max(changed, seen.preview.updated_at) > PATIENCE:
        _settle(seen, uow, error=f"given up after a day: {error.reason}")
        return
    with uow:
        try:
            present = uow.previews.lock(seen.preview.organization_id, seen.preview.id)
        except NotFound:
            return
        if present.next_try_at == seen.preview.next_try_at:
            until = next_try(at, present.tries, error.retry_after)
            tried = replace(present, tries=present.tries + 1, error=error.reason)
            uow.previews.save(replace(tried, next_try_at=until))


def comment(seen: _Seen, at: Addresses) -> str:
    """The comment's text, in Markdown; it repeats nothing that could be taken for Markdown."""
    preview, name = seen.preview, seen.parent.name
    title = f"**Preview of {_plain(name)}**"
    if preview.state is PreviewState.CLOSED:
        return f"{title}: removed\n\n{_quoted(preview.reason)}\n"
    rows = [("Commit", f"`{preview.sha}`"), *_rows(seen, at)]
    table = "\n".join(f"| {key} | {value} |" for key, value in rows)
    head = f"{title}\n\n| | |\n|---|---|\n{table}\n"
    if preview.state is PreviewState.AWAITING_APPROVAL:
        command = f"c2d previews approve {seen.project.slug}/{seen.parent.slug} {preview.number}"
        return f"{head}\n{_FORK} `{command}`.\n"
    deployment = seen.deployment
    failed = deployment is not None and deployment.state is not DeploymentState.LIVE
    said = _quoted(deployment.reason) if deployment and failed and deployment.reason else ""
    return f"{head}\n{said}\n" if said else head


def _rows(seen: _Seen, at: Addresses) -> list[tuple[str, str]]:
    if seen.preview.state is PreviewState.AWAITING_APPROVAL:
        return [("State", "Waiting for approval")]
    if seen.running is None or seen.deployment is None:
        return [("State", "Queued")]
    return [
        ("State", seen.deployment.state.capitalize()),
        ("Address", at.of_service(seen.running, seen.project)),
        ("Log", at.of_deployment(seen.deployment)),
    ]


def _plain(text: str) -> str:
    return "".join(c if c.isalnum() or c in " .,:#-" else "·" for c in text)


def _quoted(reason: str | None) -> str:
    """A reason as code: nobody is mentioned, nothing is linked."""
    said = " ".join((reason or "").replace("`", "'").split())
    return f"`{said[:_LONGEST_REASON]}`" if said else ""

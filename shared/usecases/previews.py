"""Previews: what a pull or merge request, a member or the passing of time does to them."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.errors import Conflict, NotFound, QuotaExceeded
from shared.domain.events import RequestAction, RequestEvent
from shared.domain.git import GitSource
from shared.domain.ids import now
from shared.domain.previews import Preview, PreviewState
from shared.domain.services import Service, ServiceState
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.deletion import close_preview
from shared.usecases.preview_following import DEFAULT, Effects, Maker, PreviewPolicy, Said, skipped
from shared.usecases.variable_sets import lock_to_write


def on_request(
    event: RequestEvent,
    source: GitSource,
    *,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    domain: str,
    at: datetime,
    policy: PreviewPolicy = DEFAULT,
    correlation_id: str | None = None,
) -> Said:
    """Make, change or close the service's preview of a request. Again is fine.

    A preview follows its request's head; a fork's commits wait for a member's approval.
    """
    effects = Effects()
    try:
        with uow:
            parent = lock_to_write(uow, source.organization_id, source.service_id)
            found = uow.previews.find(parent.organization_id, parent.id, event.number)
            known = found and uow.previews.lock(parent.organization_id, found.id)
            against = _against(event, parent)
            if against is not None:
                said = _closed(uow, known, against)
            elif event.action is RequestAction.OTHER:
                said = skipped("nothing of the request's code has changed")
            else:
                maker = Maker(uow, parent, vault, domain, policy, correlation_id)
                said = maker.follow(event, source, known, at, effects)
    except Conflict as error:
        return skipped(f"no preview: {error.reason}")
    effects.carry_out(workflows=workflows, vault=vault)
    return said


def _against(event: RequestEvent, service: Service) -> str | None:
    """Why the request has no preview now."""
    if service.preview_of is not None:
        return "a preview has no previews of its own"
    if service.state is ServiceState.DELETING:
        return f"the service {service.name} is being deleted"
    if event.action is RequestAction.CLOSED:
        return f"request {event.number} was {'merged' if event.merged else 'closed'}"
    if service.source is None or not service.source.previews:
        return "previews are off for this service"
    if service.source.branch not in {None, event.base_branch}:
        return f"request {event.number} is into {event.base_branch}, not {service.source.branch}"
    return None


def _closed(uow: UnitOfWork, known: Preview | None, reason: str) -> Said:
    if known is None or not known.open:
        return skipped(reason)
    close_preview(uow, known, reason)
    return skipped(f"{reason}: its preview is removed")


def approve(
    organization_id: UUID,
    preview_id: UUID,
    *,
    sha: str,
    actor: str,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    domain: str,
    policy: PreviewPolicy = DEFAULT,
    correlation_id: str | None = None,
) -> Preview:
    """Let one commit of a fork run. Again is fine.

    Raises NotFound, QuotaExceeded, and Conflict when the request was closed or its head is not
    `sha`: what nobody has read is not approved.
    """
    effects = Effects()
    with uow:
        preview = uow.previews.get(organization_id, preview_id)
        parent = lock_to_write(uow, organization_id, preview.service_id)
        preview = uow.previews.lock(organization_id, preview_id)
        uow.audit.about("preview", preview.id, f"{parent.name} #{preview.number}", sha=sha)
        _refuse_approval(preview, parent, sha)
        if preview.state is PreviewState.AWAITING_APPROVAL:
            maker = Maker(uow, parent, vault, domain, policy, correlation_id)
            if not preview.runs and maker.full:
                raise QuotaExceeded(maker.too_many)
            approved = replace(preview, state=PreviewState.ACTIVE, approved_by=actor)
            approved = replace(approved, updated_at=now(), expires_at=now() + policy.keep)
            maker.deploy(approved, actor, effects)
            preview = uow.previews.get(organization_id, preview_id)
    effects.carry_out(workflows=workflows, vault=vault)
    return preview


def _refuse_approval(preview: Preview, parent: Service, sha: str) -> None:
    if not preview.open:
        raise Conflict(f"request {preview.number} has no preview any more: {preview.reason}")
    if parent.state is ServiceState.DELETING:
        raise Conflict(f"the service {parent.name} is being deleted")
    if preview.sha != sha.lower():
        raise Conflict(
            f"the newest commit of request {preview.number} is {preview.sha}: "
            "read it, then approve that one"
        )


def remove(
    organization_id: UUID, preview_id: UUID, *, actor: str, dry_run: bool, uow: UnitOfWork
) -> Preview:
    """Close a preview and take its service down; a new commit makes it again.

    Answers the preview as it was. Raises NotFound.
    """
    with uow:
        preview = uow.previews.get(organization_id, preview_id)
        if not dry_run:
            uow.audit.about("preview", preview.id, f"#{preview.number}")
            close_preview(uow, preview, f"removed by {actor}")
    return preview


def close_ended(*, uow: UnitOfWork, at: datetime) -> int:
    """Close previews past their time, and those of services that have none any more."""
    with uow:
        open_ = uow.previews.open_everywhere()
    closed = 0
    for preview in open_:
        with suppress(NotFound), uow:
            closed += _close_if_ended(uow, preview, at)
    return closed


def _close_if_ended(uow: UnitOfWork, preview: Preview, at: datetime) -> bool:
    parent = uow.services.lock(preview.organization_id, preview.service_id)
    preview = uow.previews.lock(preview.organization_id, preview.id)
    reason = _ended(uow, parent, preview, at) if preview.open else None
    if reason is None:
        return False
    close_preview(uow, preview, reason)
    return True


def _ended(uow: UnitOfWork, parent: Service, preview: Preview, at: datetime) -> str | None:
    if preview.expires_at <= at:
        return "it had no new commit for a while, and comes back with the next one"
    if parent.source is None or not parent.source.previews:
        return f"previews of {parent.name} were switched off"
    source = uow.sources.find(parent.organization_id, parent.id)
    if source is None or source.repository_id != preview.repository_id:
        return f"{parent.name} is no longer built from that repository"
    return None

"""Telling Git providers how deployments stand: an outbox with one row per deployment.

A row is due while it says another state than its deployment has. So nothing needs to hear of a
change, a provider that is down only delays, and what happened meanwhile is told as one.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import AccessLost, NotFound, PlatformError
from shared.domain.git import CommitReport, GitConnection
from shared.domain.ids import now
from shared.ports.git import Report, ReportState
from shared.ports.store import UnitOfWork
from shared.usecases.addresses import Addresses
from shared.usecases.outbox import CLAIM, PATIENCE, Reach, losing_access, next_try

CONTEXT: Final = "click-to-deploy"
"""How our statuses on commits begin."""
_FULL_SHA: Final = {40, 64}
_DESCRIPTION: Final = 140
_STATES: Final = {
    DeploymentState.QUEUED: ReportState.PENDING,
    DeploymentState.WAITING: ReportState.PENDING,
    DeploymentState.BUILDING: ReportState.RUNNING,
    DeploymentState.RELEASING: ReportState.RUNNING,
    DeploymentState.LIVE: ReportState.SUCCESS,
    DeploymentState.FAILED: ReportState.FAILURE,
    DeploymentState.CANCELLED: ReportState.CANCELLED,
    DeploymentState.SUPERSEDED: ReportState.CANCELLED,
}


def announce(uow: UnitOfWork, deployment: Deployment) -> None:
    """Have the deployment's provider told from now on, inside the caller's transaction.

    To be called whenever a deployment gets its commit or begins again. Does nothing for one
    without a full SHA, or of a service without a connected repository.
    """
    source = uow.sources.find(deployment.organization_id, deployment.service_id)
    if source is None or deployment.sha is None or len(deployment.sha) not in _FULL_SHA:
        return
    known = uow.reports.find(deployment.organization_id, deployment.id)
    if known is not None:
        _begin_again(uow, deployment, deployment.sha)
        return
    service = uow.services.get(deployment.organization_id, deployment.service_id)
    project = uow.projects.get(deployment.organization_id, deployment.project_id)
    at = now()
    uow.reports.add(
        CommitReport(
            organization_id=deployment.organization_id,
            deployment_id=deployment.id,
            service_id=deployment.service_id,
            connection_id=source.connection_id,
            repository_id=source.repository_id,
            full_name=source.full_name,
            sha=deployment.sha,
            environment=f"{project.slug}/{service.slug}",
            created_at=at,
            next_try_at=at,
        )
    )


def _begin_again(uow: UnitOfWork, deployment: Deployment, sha: str) -> None:
    known = uow.reports.lock(deployment.organization_id, deployment.id)
    if known.sha != sha:
        known = replace(known, sha=sha, reported_state=None, deployment_ref=None)
    uow.reports.save(replace(known, done=False, tries=0, error=None, next_try_at=now()))


def claim_report(
    *, uow: UnitOfWork, at: datetime, busy: Collection[UUID] = ()
) -> CommitReport | None:
    """A report that is due, held for whoever calls; None when there is none."""
    with uow:
        return uow.reports.claim_everywhere(at, at + CLAIM, busy)


@dataclass(frozen=True, slots=True)
class _Telling:
    """What a claimed report is to say, as the deployment stood when it was read."""

    claimed: CommitReport
    deployment: Deployment
    connection: GitConnection
    report: Report


def send_report(claimed: CommitReport, *, uow: UnitOfWork, reach: Reach, at: Addresses) -> bool:
    """Tell the provider, outside of any transaction; whether it has been told.

    What fails is tried again later, up to a day; without access nobody tries again, and the
    reason is shown on the connection and the service.
    """
    telling = _read(claimed, uow=uow, at=at)
    if telling is None:
        return False
    try:
        host, token = reach(telling.connection)
        with losing_access(telling.connection, claimed.service_id, host, token, uow=uow):
            ref = host.report(token, claimed.full_name, telling.report)
    except (AccessLost, NotFound) as error:
        _give_up(telling, error, uow=uow)
    except PlatformError as error:
        _try_later(telling, error, uow=uow)
    else:
        _settle(telling, ref, uow=uow)
        return True
    return False


def send_report_of(
    organization_id: UUID, deployment_id: UUID, *, uow: UnitOfWork, reach: Reach, at: Addresses
) -> bool:
    """Tell the provider about this deployment now, if that is due and nobody is at it."""
    present = now()
    with uow:
        claimed = uow.reports.claim(organization_id, deployment_id, present, present + CLAIM)
    return claimed is not None and send_report(claimed, uow=uow, reach=reach, at=at)


def _read(claimed: CommitReport, *, uow: UnitOfWork, at: Addresses) -> _Telling | None:
    """None when the deployment has been deleted meanwhile."""
    org = claimed.organization_id
    with uow:
        try:
            deployment = uow.deployments.get(org, claimed.deployment_id)
            connection = uow.connections.get(org, claimed.connection_id)
            service = uow.services.get(org, claimed.service_id)
            project = uow.projects.get(org, service.project_id)
        except NotFound:
            return None
        overtaken = uow.reports.newer(claimed) is not None
    live = deployment.state is DeploymentState.LIVE
    report = Report(
        sha=claimed.sha,
        state=_STATES[deployment.state],
        context=f"{CONTEXT}/{service.slug}",
        description=description(deployment),
        target_url=at.of_deployment(deployment),
        environment=claimed.environment,
        environment_url=at.of_service(service, project) if live else None,
        deployment_ref=claimed.deployment_ref,
        deployment=str(deployment.id),
        ref=deployment.ref,
        transient=service.preview_of is not None,
        record_only=overtaken,
    )
    return _Telling(claimed, deployment, connection, report)


def description(deployment: Deployment) -> str:
    """The state and its reason in at most 140 characters."""
    said = deployment.state.capitalize()
    if deployment.reason:
        said = f"{said}: {' '.join(deployment.reason.split())}"
    return said if len(said) <= _DESCRIPTION else said[: _DESCRIPTION - 1] + "…"


def _held(telling: _Telling, uow: UnitOfWork) -> CommitReport | None:
    """The row, locked, if the claim still holds; None when it is gone."""
    claimed = telling.claimed
    try:
        present = uow.reports.lock(claimed.organization_id, claimed.deployment_id)
    except NotFound:
        return None
    return present if present.next_try_at == claimed.next_try_at else None


def _settle(telling: _Telling, ref: str | None, *, uow: UnitOfWork) -> None:
    at, state = now(), telling.deployment.state
    with uow:
        present = _held(telling, uow)
        if present is None:
            _keep_record(telling, ref, uow)
            return
        uow.reports.save(
            replace(
                present,
                reported_state=state,
                reported_at=at,
                deployment_ref=ref or present.deployment_ref,
                tries=0,
                error=None,
                next_try_at=at,
                done=telling.deployment.terminal,
            )
        )
        newer = None if telling.report.record_only else uow.reports.newer(present)
        if newer is not None:
            _say_again(uow, newer)


def _keep_record(telling: _Telling, ref: str | None, uow: UnitOfWork) -> None:
    """Somebody else tells it by now: the record that was made is kept, or it is made twice."""
    known = uow.reports.find(telling.claimed.organization_id, telling.claimed.deployment_id)
    if known is not None and known.deployment_ref is None and ref is not None:
        uow.reports.save(replace(known, deployment_ref=ref))


def _say_again(uow: UnitOfWork, newer: CommitReport) -> None:
    """An older deployment of the commit spoke just now, when the newer one was there already."""
    newer = uow.reports.lock(newer.organization_id, newer.deployment_id)
    uow.reports.save(replace(newer, reported_state=None, done=False, next_try_at=now()))


def _give_up(telling: _Telling, error: PlatformError, *, uow: UnitOfWork) -> None:
    with uow:
        present = _held(telling, uow)
        if present is not None:
            uow.reports.save(replace(present, done=True, error=error.reason))


def _try_later(telling: _Telling, error: PlatformError, *, uow: UnitOfWork) -> None:
    at, claimed = now(), telling.claimed
    since = telling.deployment.ended_at or telling.deployment.updated_at
    with uow:
        present = _held(telling, uow)
        if present is None:
            return
        until = next_try(at, present.tries, error.retry_after)
        changed = replace(present, tries=present.tries + 1, error=error.reason, next_try_at=until)
        if at - since > PATIENCE:
            changed = replace(changed, done=True, error=f"given up after a day: {error.reason}")
        uow.reports.save(changed)
        uow.reports.postpone(claimed.organization_id, claimed.connection_id, at, until)

"""Every few seconds: start, answer, end or take away what nobody looks after."""

from datetime import timedelta
from typing import Any

from shared import bootstrap
from shared.domain.ids import now
from shared.observing.events import counted
from shared.ports.store import UnitOfWork
from shared.runtime.schedules import report, scheduled
from shared.usecases import reconciliation as r
from shared.usecases.census import take_census
from shared.usecases.deletion import finish_deletions
from shared.usecases.naming import settle_all_names
from shared.usecases.supervision import start_stopped


def _count(uow: UnitOfWork) -> None:
    """For the platform's metrics, where those are read."""
    settings = bootstrap.settings()
    if settings.emits_metrics:
        patience = timedelta(seconds=settings.timeouts.heartbeat)
        counted(take_census(uow=uow, at=now(), patience=patience))


@scheduled
def handler() -> dict[str, Any]:
    uow, workflows, vault = bootstrap.unit_of_work(), bootstrap.workflows(), bootstrap.vault()
    compute, images, networks = bootstrap.compute(), bootstrap.images(), bootstrap.networks()
    names, settled = bootstrap.names(), bootstrap.settled_names()
    patience = timedelta(seconds=bootstrap.settings().timeouts.no_agent)
    line = r.Line(uow, workflows, vault)
    r.each(
        [
            lambda: r.end_lost_jobs(line, no_agent_after=patience),
            lambda: r.resume_deployments(line, compute=compute),
            lambda: r.repeat_answers(line),
            lambda: r.wake_lines(line),
            lambda: start_stopped(uow=uow, compute=compute),
            lambda: settle_all_names(uow=uow, names=names, settled=settled),
            lambda: r.retry_removals(uow=uow, compute=compute),
            lambda: _count(uow),
            lambda: finish_deletions(uow=uow, compute=compute, images=images, networks=networks),
        ],
        report,
    )
    return {}

"""Every few seconds: start, answer, end or take away what nobody looks after."""

from datetime import timedelta
from typing import Any

from shared import bootstrap
from shared.runtime.schedules import report, scheduled
from shared.usecases import reconciliation as r
from shared.usecases.deletion import finish_deletions
from shared.usecases.supervision import start_stopped


@scheduled
def handler() -> dict[str, Any]:
    uow, workflows, vault = bootstrap.unit_of_work(), bootstrap.workflows(), bootstrap.vault()
    compute, images, networks = bootstrap.compute(), bootstrap.images(), bootstrap.networks()
    patience = timedelta(seconds=bootstrap.settings().timeouts.no_agent)
    all_three = {"uow": uow, "workflows": workflows, "vault": vault}
    r.each(
        [
            lambda: r.end_lost_jobs(no_agent_after=patience, **all_three),
            lambda: r.resume_deployments(compute=compute, **all_three),
            lambda: r.repeat_answers(**all_three),
            lambda: r.wake_lines(**all_three),
            lambda: start_stopped(uow=uow, compute=compute),
            lambda: r.retry_removals(uow=uow, compute=compute),
            lambda: finish_deletions(uow=uow, compute=compute, images=images, networks=networks),
        ],
        report,
    )
    return {}

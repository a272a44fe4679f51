"""compensate.RestoreRoute: lead the public names back to what served before."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.routing import restore_route


@task
def handler(given: AttemptInput) -> None:
    restore_route(
        given.attempt_ref,
        domain=bootstrap.settings().domain,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
        heartbeat_limit=bootstrap.settings().timeouts.heartbeat,
    )

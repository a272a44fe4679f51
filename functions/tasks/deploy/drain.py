"""deploy.Drain: let the old version finish what it has begun."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.retirement import drain


@task
def handler(given: AttemptInput) -> None:
    drain(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
        heartbeat_limit=bootstrap.settings().timeouts.heartbeat,
    )

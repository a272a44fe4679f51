"""release.SwitchRoute: the public names lead to the new instance from now on."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.routing import switch_route


@task
def handler(given: AttemptInput) -> None:
    switch_route(
        given.attempt_ref,
        domain=bootstrap.settings().domain,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
        heartbeat_limit=bootstrap.settings().timeouts.heartbeat,
    )

"""release.PreDeployCommand: run the one-off command; an agent waits for its end."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.pre_deploy import pre_deploy_command


@task
def handler(given: AttemptInput) -> None:
    pre_deploy_command(
        given.attempt_ref,
        timeout_seconds=bootstrap.settings().timeouts.pre_deploy,
        heartbeat_limit=bootstrap.settings().timeouts.heartbeat,
        uow=bootstrap.unit_of_work(),
        compute=bootstrap.compute(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
        addresses=bootstrap.settings().addresses,
    )

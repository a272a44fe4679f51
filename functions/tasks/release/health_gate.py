"""release.HealthGate: the edge probes the new instance until it is healthy."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.routing import health_gate


@task
def handler(given: AttemptInput) -> None:
    health_gate(
        given.attempt_ref,
        domain=bootstrap.settings().domain,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
        heartbeat_limit=bootstrap.settings().timeouts.heartbeat,
    )

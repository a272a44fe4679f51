"""release.VerifyPublic: an answer of the new version through the public route."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.routing import verify_public


@task
def handler(given: AttemptInput) -> None:
    verify_public(
        given.attempt_ref,
        domain=bootstrap.settings().domain,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
        heartbeat_limit=bootstrap.settings().timeouts.heartbeat,
    )

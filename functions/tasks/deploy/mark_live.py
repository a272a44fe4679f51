"""deploy.MarkLive: the new version serves; nothing can fail the deployment after this."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.routing import mark_live


@task
def handler(given: AttemptInput) -> None:
    mark_live(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
    )

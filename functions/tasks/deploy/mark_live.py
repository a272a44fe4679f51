"""deploy.MarkLive: the new version serves; nothing can fail the deployment after this."""

from shared import bootstrap
from shared.domain.errors import PlatformError
from shared.observing.events import deployment_ended
from shared.runtime.schedules import report
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.naming import settle_names
from shared.usecases.routing import mark_live


@task
def handler(given: AttemptInput) -> None:
    ended = mark_live(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
    )
    if ended:
        deployment_ended(ended)
    try:
        settle_names(
            given.organization_id,
            given.service_id,
            uow=bootstrap.unit_of_work(),
            names=bootstrap.names(),
            settled=bootstrap.settled_names(),
        )
    except PlatformError as error:
        # The version is live: its name inside the project is settled by the next reconciliation.
        report(error)

"""deploy.AcquireLease: join the line for the service; the token is answered when it is our turn."""

from shared import bootstrap
from shared.observing import metrics
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.leasing import acquire


@task
def handler(given: AttemptInput) -> None:
    first = acquire(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
    )
    if first:
        metrics.count("DeploymentsStarted")

"""deploy.MarkFailed: a truthful end (failed, cancelled or superseded) with a reason."""

from shared import bootstrap
from shared.observing.events import deployment_ended
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.compensation import Failure, mark_failed


class Input(AttemptInput):
    error: str
    cause: str = ""


@task
def handler(given: Input) -> None:
    ended = mark_failed(
        given.attempt_ref,
        Failure(given.error, given.cause),
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
    )
    if ended:
        deployment_ended(ended)

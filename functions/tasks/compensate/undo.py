"""compensate.Undo: remove what the deployment made, newest first."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.compensation import undo


@task
def handler(given: AttemptInput) -> None:
    undo(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
        compute=bootstrap.compute(),
    )

"""compensate.GiveUp: list what could not be removed as needing attention."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.compensation import give_up


@task
def handler(given: AttemptInput) -> None:
    give_up(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
    )

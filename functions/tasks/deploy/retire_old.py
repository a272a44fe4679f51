"""deploy.RetireOld: stop what neither serves nor is kept warm."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.retirement import retire_old


@task
def handler(given: AttemptInput) -> None:
    retire_old(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
        compute=bootstrap.compute(),
    )

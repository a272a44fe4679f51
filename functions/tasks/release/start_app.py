"""release.StartApp: start the instance."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.instances import start_app


@task
def handler(given: AttemptInput) -> None:
    start_app(
        given.attempt_ref,
        uow=bootstrap.unit_of_work(),
        compute=bootstrap.compute(),
    )

"""deploy.Build: queue the build for an agent, which answers when it has ended."""

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.building import request_build


@task
def handler(given: AttemptInput) -> None:
    request_build(
        given.attempt_ref,
        policy=bootstrap.build_policy(),
        uow=bootstrap.unit_of_work(),
        workflows=bootstrap.workflows(),
        vault=bootstrap.vault(),
    )

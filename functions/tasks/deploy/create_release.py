"""deploy.CreateRelease: freeze image, variables and settings under a number."""

from pydantic import BaseModel

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.releasing import create_release


class Output(BaseModel):
    number: int
    pre_deploy: bool


@task
def handler(given: AttemptInput) -> Output:
    made = create_release(
        given.attempt_ref, uow=bootstrap.unit_of_work(), images=bootstrap.images()
    )
    return Output(number=made.number, pre_deploy=made.pre_deploy)

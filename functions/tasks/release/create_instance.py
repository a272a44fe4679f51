"""release.CreateInstance: an instance in a free slot, or the one kept warm."""

from uuid import UUID

from pydantic import BaseModel

from shared import bootstrap
from shared.runtime.tasks import AttemptInput, task
from shared.usecases.instances import create_instance


class Output(BaseModel):
    instance_id: UUID


@task
def handler(given: AttemptInput) -> Output:
    instance_id = create_instance(
        given.attempt_ref,
        slots=bootstrap.slots(),
        uow=bootstrap.unit_of_work(),
        compute=bootstrap.compute(),
        vault=bootstrap.vault(),
        addresses=bootstrap.settings().addresses,
    )
    return Output(instance_id=instance_id)

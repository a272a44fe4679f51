"""Operation standing: what would be lost if the stack were deleted now."""

from pydantic import BaseModel

from shared import bootstrap
from shared.runtime.operations import operation
from shared.usecases.standing import Standing, standing


class Input(BaseModel):
    """Nothing is asked."""


@operation
def handler(_given: Input) -> Standing:
    return standing(uow=bootstrap.unit_of_work())

"""GET /services/{service_id}/env/versions/{number}"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from shared.http.app import BASE
from shared.http.deps import Caller, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.variables import MAX_NUMBER, ComparisonOut, DifferenceOut
from shared.usecases.variable_history import compare

router = APIRouter(tags=["env"])


@router.get(f"{BASE}/services/{{service_id}}/env/versions/{{number}}")
def compare_env_versions(
    service_id: UUID,
    number: Annotated[int, Path(ge=1, le=MAX_NUMBER)],
    caller: Caller,
    uow: Store,
    vault: Secrets,
    against: Annotated[int | None, Query(ge=0, le=MAX_NUMBER)] = None,
) -> ComparisonOut:
    """What differs from the version before, or from `against`; values of secrets stay hidden."""
    other = number - 1 if against is None else against
    found = compare(caller.organization_id, service_id, number, other, uow=uow, vault=vault)
    items = [DifferenceOut.model_validate(difference) for difference in found]
    return ComparisonOut(number=number, against=other, items=items)


handler = lambda_handler(router)

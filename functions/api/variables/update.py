"""PATCH /services/{service_id}/env/{key}"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Secrets, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.variables import VariableOut, VariablePatch
from shared.usecases.variables import update

router = APIRouter(tags=["env"])


@router.patch(f"{BASE}/services/{{service_id}}/env/{{key}}")
def patch_env(
    service_id: UUID,
    key: str,
    body: VariablePatch,
    caller: Writer,
    uow: Store,
    vault: Secrets,
) -> VariableOut:
    """Change a variable's value or flags; what is not named stays."""
    return VariableOut.model_validate(
        update(
            caller.organization_id,
            service_id,
            body.assignment(key),
            actor=caller.name,
            uow=uow,
            vault=vault,
        )
    )


handler = lambda_handler(router)

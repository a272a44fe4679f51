"""POST /services/{service_id}/env"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Secrets, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.variables import VariableBody, VariableOut
from shared.usecases.variables import create

router = APIRouter(tags=["env"])


@router.post(f"{BASE}/services/{{service_id}}/env", status_code=201)
def post_env(
    service_id: UUID, body: VariableBody, caller: Writer, uow: Store, vault: Secrets
) -> VariableOut:
    """Add a variable; it takes effect with the next deployment."""
    return VariableOut.model_validate(
        create(
            caller.organization_id,
            service_id,
            body.assignment(),
            actor=caller.name,
            uow=uow,
            vault=vault,
        )
    )


handler = lambda_handler(router)

"""GET /services/{service_id}/env"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Caller, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.variables import VariableOut
from shared.usecases.services import running
from shared.usecases.variables import show

router = APIRouter(tags=["env"])


class VariablesOut(BaseModel):
    """`running_version` is the set the serving release was made with."""

    items: list[VariableOut]
    version: int
    running_version: int | None


@router.get(f"{BASE}/services/{{service_id}}/env")
def list_env(service_id: UUID, caller: Caller, uow: Store, vault: Secrets) -> VariablesOut:
    """The service's variables; the values of secrets stay hidden."""
    with uow:
        service = uow.services.get(caller.organization_id, service_id)
        serving = running(uow, service)
        return VariablesOut(
            items=[VariableOut.model_validate(v) for v in show(uow, service, vault)],
            version=service.env_version,
            running_version=serving.release.env_version if serving else None,
        )


handler = lambda_handler(router)

"""GET /services/{service_id}/env"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.conditional import NOT_MODIFIED, tagged
from shared.http.deps import Caller, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.variables import MAX_NUMBER, VariableOut
from shared.usecases.services import running
from shared.usecases.variable_history import show_version

router = APIRouter(tags=["env"])


class VariablesOut(BaseModel):
    """`version` is the one shown, `running_version` the one the serving release was made with;
    `pending_version` is the newest one where that does not serve yet."""

    items: list[VariableOut]
    version: int
    running_version: int | None
    pending_version: int | None


@router.get(
    f"{BASE}/services/{{service_id}}/env", response_model=VariablesOut, responses=NOT_MODIFIED
)
def list_env(
    service_id: UUID,
    request: Request,
    caller: Caller,
    uow: Store,
    vault: Secrets,
    version: Annotated[int | None, Query(ge=0, le=MAX_NUMBER)] = None,
) -> Response:
    """The service's variables, or those of an earlier version; secrets stay hidden."""
    with uow:
        service = uow.services.get(caller.organization_id, service_id)
        serving = running(uow, service)
        newest, runs = service.env_version, serving and serving.release.env_version
        number = newest if version is None else version
        found = show_version(uow, service, number, vault)
    out = VariablesOut(
        items=[VariableOut.model_validate(v) for v in found],
        version=number,
        running_version=runs,
        pending_version=None if runs is None or runs == newest else newest,
    )
    return tagged(request, out, number)


handler = lambda_handler(router)

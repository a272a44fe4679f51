"""GET /services/{service_id}/logs"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Caller, Cloud, Config, Secrets, Store
from shared.http.entry import lambda_handler
from shared.usecases.services import runtime_logs

router = APIRouter(tags=["services"])


class RuntimeLine(BaseModel):
    at: datetime
    stream: str
    text: str


class RuntimeLines(BaseModel):
    items: list[RuntimeLine]


@router.get(f"{BASE}/services/{{service_id}}/logs")
def get_runtime_logs(
    service_id: UUID,
    caller: Caller,
    uow: Store,
    compute: Cloud,
    vault: Secrets,
    settings: Config,
    tail: Annotated[int, Query(ge=1, le=5000)] = 200,
    since: datetime | None = None,
) -> RuntimeLines:
    """The newest lines the serving instance wrote, secrets masked."""
    lines = runtime_logs(
        caller.organization_id,
        service_id,
        tail=tail,
        since=since,
        uow=uow,
        compute=compute,
        vault=vault,
        addresses=settings.addresses,
    )
    return RuntimeLines(
        items=[RuntimeLine(at=line.at, stream=line.stream, text=line.text) for line in lines]
    )


handler = lambda_handler(router)

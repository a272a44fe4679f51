"""GET /deployments/{deployment_id}/logs"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Caller, Store, Wait, Wakeups
from shared.http.entry import lambda_handler
from shared.http.schemas import Out
from shared.http.waiting import in_thread, until

router = APIRouter(tags=["deployments"])


class LineOut(Out):
    sequence: int
    at: datetime
    source: str
    stream: str
    text: str


class LinesOut(BaseModel):
    """`ended`: the deployment has ended and nothing comes after `last`."""

    items: list[LineOut]
    last: int
    ended: bool


@router.get(f"{BASE}/deployments/{{deployment_id}}/logs")
async def get_logs(
    deployment_id: UUID,
    caller: Caller,
    uow: Store,
    signals: Wakeups,
    after: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    wait: Wait = 0,
) -> LinesOut:
    """Lines after a sequence number: no gap and no duplicate, however often asked."""

    def look() -> LinesOut:
        with uow:
            deployment = uow.deployments.get(caller.organization_id, deployment_id)
            lines = uow.logs.read(caller.organization_id, deployment_id, after, limit)
        return LinesOut(
            items=[LineOut.model_validate(line) for line in lines],
            last=lines[-1].sequence if lines else after,
            ended=deployment.terminal and len(lines) < limit,
        )

    return await until(
        in_thread(look),
        lambda page: bool(page.items) or page.ended,
        signals=signals,
        channel="logs",
        key=str(deployment_id),
        seconds=wait,
    )


handler = lambda_handler(router)

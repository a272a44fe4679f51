"""GET /agents/queue"""

from datetime import timedelta

from fastapi import APIRouter

from shared.http.agents import QueueOut
from shared.http.app import BASE
from shared.http.deps import Caller, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed
from shared.usecases.agents import queues

router = APIRouter(tags=["agents"])


@router.get(f"{BASE}/agents/queue")
def get_queue(_: Caller, uow: Store, settings: Config) -> Listed[QueueOut]:
    """Per role: jobs that wait and since when, jobs in hand, and what living agents can do."""
    patience = timedelta(seconds=settings.timeouts.heartbeat)
    return Listed(items=[QueueOut.of(each) for each in queues(patience, uow=uow)])


handler = lambda_handler(router)

"""GET /agents"""

from datetime import timedelta

from fastapi import APIRouter

from shared.domain.ids import now
from shared.http.app import BASE
from shared.http.deps import Caller, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import AgentOut, Listed

router = APIRouter(tags=["agents"])


@router.get(f"{BASE}/agents")
def list_agents(_: Caller, uow: Store, settings: Config) -> Listed[AgentOut]:
    """The agents of this platform, and which of them are alive."""
    patience = timedelta(seconds=settings.timeouts.heartbeat)
    with uow:
        agents = uow.agents.list()
    return Listed(items=[AgentOut.of(a, now() - a.last_seen_at < patience) for a in agents])


handler = lambda_handler(router)

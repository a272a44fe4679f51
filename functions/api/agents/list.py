"""GET /agents"""

from datetime import timedelta

from fastapi import APIRouter

from shared.domain.agents import CONFIGURED
from shared.domain.ids import now
from shared.http.app import BASE
from shared.http.deps import Caller, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import AgentOut, Listed
from shared.usecases.agents import token_names

router = APIRouter(tags=["agents"])


@router.get(f"{BASE}/agents")
def list_agents(caller: Caller, uow: Store, settings: Config) -> Listed[AgentOut]:
    """The agents of this platform, and which of them are alive; their tokens to its operator."""
    operates = caller.organization_id == settings.operator
    patience = timedelta(seconds=settings.timeouts.heartbeat)
    with uow:
        agents = uow.agents.list()
        names = {None: CONFIGURED, **token_names(uow)} if operates else {}
    alive = [now() - agent.last_seen_at < patience for agent in agents]
    rows = zip(agents, alive, strict=True)
    return Listed(items=[AgentOut.of(agent, up, names.get(agent.token_id)) for agent, up in rows])


handler = lambda_handler(router)

"""GET /agents/tokens"""

from fastapi import APIRouter

from shared.http.agents import AgentTokenOut
from shared.http.app import BASE
from shared.http.deps import Admin, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed
from shared.usecases.agents import list_tokens

router = APIRouter(tags=["agents"])


@router.get(f"{BASE}/agents/tokens")
def get_agent_tokens(caller: Admin, uow: Store, settings: Config) -> Listed[AgentTokenOut]:
    """Registration tokens, newest first, revoked ones too. Never their texts."""
    tokens = list_tokens(caller, operator=settings.operator, uow=uow)
    return Listed(items=[AgentTokenOut.of(token) for token in tokens])


handler = lambda_handler(router)

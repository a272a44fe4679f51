"""DELETE /agents/{name}"""

from fastapi import APIRouter
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Admin, Config, Store
from shared.http.entry import lambda_handler
from shared.usecases.agents import forget_agent

router = APIRouter(tags=["agents"])


class Forgotten(BaseModel):
    name: str


@router.delete(f"{BASE}/agents/{{name}}")
def delete_agent(
    name: str, caller: Admin, uow: Store, settings: Config, dry_run: bool = False
) -> Forgotten:
    """Forget an agent: its name is free for another token. One that still runs comes back."""
    agent = forget_agent(caller, name, dry_run=dry_run, operator=settings.operator, uow=uow)
    return Forgotten(name=agent.name)


handler = lambda_handler(router)

"""POST /agents/tokens"""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from shared.http.agents import AgentTokenOut
from shared.http.app import BASE
from shared.http.deps import Admin, Config, Store
from shared.http.entry import lambda_handler
from shared.http.idempotency import SHOWN_ONCE
from shared.http.schemas import Strict
from shared.usecases.agents import create_token

router = APIRouter(tags=["agents"])


class AgentTokenBody(Strict):
    """With `organizations` its agents build for those alone, and nobody else does."""

    name: str = Field(min_length=1, max_length=60, examples=["builders"])
    roles: list[Literal["build", "edge"]] = Field(min_length=1, max_length=2)
    organizations: list[UUID] = Field(default=[], max_length=100)


class NewAgentToken(AgentTokenOut):
    token: str = Field(description="Shown now and never again")


@router.post(f"{BASE}/agents/tokens", status_code=201, dependencies=[SHOWN_ONCE])
def post_agent_token(
    body: AgentTokenBody, caller: Admin, uow: Store, settings: Config
) -> NewAgentToken:
    """Make a registration token, which gives an agent jobs of its roles and nothing else."""
    made, text = create_token(
        caller,
        name=body.name,
        roles=body.roles,
        organizations=body.organizations,
        operator=settings.operator,
        uow=uow,
    )
    return NewAgentToken(**AgentTokenOut.of(made).model_dump(), token=text)


handler = lambda_handler(router)

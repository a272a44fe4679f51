"""Who calls, and ports as FastAPI dependencies. Tests override these."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared import bootstrap
from shared.domain.errors import Unauthenticated
from shared.ports.compute import Compute
from shared.ports.secrets import Vault
from shared.ports.signals import Signals
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.settings import Settings

LOCAL_ORGANIZATION: Final = UUID("6f7267a0-0000-4000-8000-000000000001")
"""Everything on one machine belongs to this organisation until sign-in brings others."""

_bearer = HTTPBearer(auto_error=False, description="An API token (c2d_…)")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is calling, and for which organisation."""

    organization_id: UUID
    name: str


def actor(bearer: Bearer) -> Actor:
    """The owner of this machine, by the token of its state folder. Raises Unauthenticated."""
    expected = bootstrap.settings().api_token
    if bearer is None:
        raise Unauthenticated("send an API token: Authorization: Bearer c2d_… (see c2d login)")
    if not expected or not secrets.compare_digest(bearer.credentials, expected):
        raise Unauthenticated("this API token is not known here: sign in again with c2d login")
    return Actor(LOCAL_ORGANIZATION, "owner")


def agent(bearer: Bearer) -> str:
    """The registration token of an agent. Raises Unauthenticated."""
    expected = bootstrap.settings().agent_token
    given = bearer.credentials if bearer else ""
    if not expected or not secrets.compare_digest(given, expected):
        raise Unauthenticated("this agent registration token is not known here")
    return given


def job_token(bearer: Bearer) -> str:
    """The token of one job; its use case checks it. Raises Unauthenticated when there is none."""
    if bearer is None:
        raise Unauthenticated("send the job's token: Authorization: Bearer c2dj_…")
    return bearer.credentials


def signals(request: Request) -> Signals | None:
    """What wakes long polls; None on Lambda, where nobody waits."""
    found: Signals | None = getattr(request.app.state, "signals", None)
    return found


Caller = Annotated[Actor, Depends(actor)]
RegisteredAgent = Annotated[str, Depends(agent)]
JobToken = Annotated[str, Depends(job_token)]
Store = Annotated[UnitOfWork, Depends(bootstrap.unit_of_work)]
Engine = Annotated[Workflows, Depends(bootstrap.workflows)]
Secrets = Annotated[Vault, Depends(bootstrap.vault)]
Cloud = Annotated[Compute, Depends(bootstrap.compute)]
Config = Annotated[Settings, Depends(bootstrap.settings)]
Wakeups = Annotated[Signals | None, Depends(signals)]
Limit = Annotated[int, Query(ge=1, le=100, description="Items per page")]
Cursor = Annotated[str | None, Query(description="Where the page before ended", max_length=500)]
Wait = Annotated[float, Query(ge=0, le=25, description="Seconds to wait for something new")]

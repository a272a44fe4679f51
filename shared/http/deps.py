"""Who calls, and ports as FastAPI dependencies. Tests override these.

They are coroutines wherever they do not wait: a plain function costs a thread per request.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from shared import bootstrap
from shared.domain.access import Actor, Scope
from shared.domain.audit import Act
from shared.domain.errors import Unauthenticated
from shared.http.admission import admitted
from shared.http.envelope import REQUEST_ID
from shared.http.idempotency import CLAIM
from shared.observing.fields import note
from shared.ports.glances import Glances
from shared.ports.queues import Queue
from shared.ports.secrets import Vault
from shared.ports.signals import Signals
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.ports.compute import Compute
    from shared.ports.git import Providers

_ACT: Final = "act"
_bearer = HTTPBearer(auto_error=False, description="An API token (c2d_…)")
Bearer = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


async def actor(request: Request) -> Actor:
    """Who calls, by a bearer token: the document says so of whoever asks this.

    Raises Unauthenticated, RateLimited.
    """
    return await admitted(request)


async def act(request: Request) -> Act:
    """What this request does, for the audit log; the caller is filled in when it is known."""
    return act_of(request)


def act_of(request: Request) -> Act:
    """The same without a dependency, which costs more than the act itself."""
    state = request.scope.setdefault("state", {})
    known: Act | None = state.get(_ACT)
    if known is None:
        endpoint = request.scope.get("endpoint")
        known = state[_ACT] = Act(
            action=getattr(endpoint, "__module__", "").removeprefix("functions.api."),
            request_id=state.get(REQUEST_ID),
            address=request.client.host if request.client else None,
            claim=state.get(CLAIM),
        )
    return known


CurrentAct = Annotated[Act, Depends(act)]


def requiring(scope: Scope) -> Callable[..., Awaitable[Actor]]:
    """A dependency on a caller who has `scope`; else it raises Forbidden."""

    async def caller(who: Annotated[Actor, Depends(actor)], request: Request) -> Actor:
        who.require(scope)
        act_of(request).actor = who
        note(organization_id=who.organization_id)
        return who

    return caller


async def store(request: Request) -> UnitOfWork:
    """The request's transactions: what they change is written into the audit log."""
    return bootstrap.unit_of_work(act_of(request))


async def glances(request: Request) -> Glances:
    """What is asked all the time; the platform of one machine reads it in its event loop."""
    found: Glances | None = getattr(request.app.state, "glances", None)
    return found or bootstrap.glances()


async def workflows() -> Workflows:
    return bootstrap.workflows()


async def vault() -> Vault:
    return bootstrap.vault()


async def compute() -> "Compute":
    return bootstrap.compute()


async def webhook_queue() -> Queue:
    return bootstrap.webhook_queue()


async def git_providers() -> "Providers":
    return bootstrap.git_provider


async def settings() -> Settings:
    return bootstrap.settings()


async def agent(bearer: Bearer) -> str:
    """An agent's registration token; its use case checks it. Raises Unauthenticated without."""
    if bearer is None:
        raise Unauthenticated("send the agent's registration token: Authorization: Bearer c2da_…")
    return bearer.credentials


async def job_token(bearer: Bearer) -> str:
    """The token of one job; its use case checks it. Raises Unauthenticated when there is none."""
    if bearer is None:
        raise Unauthenticated("send the job's token: Authorization: Bearer c2dj_…")
    return bearer.credentials


async def signals(request: Request) -> Signals | None:
    """What wakes long polls; None on Lambda, where nobody waits."""
    return signals_of(request)


def signals_of(request: Request) -> Signals | None:
    """The same for an endpoint that is asked so often that a dependency counts."""
    found: Signals | None = getattr(request.app.state, "signals", None)
    return found


Someone = Annotated[Actor, Depends(actor)]
"""Whoever is signed in, with or without a scope."""
Caller = Annotated[Actor, Depends(requiring(Scope.READ))]
Deployer = Annotated[Actor, Depends(requiring(Scope.DEPLOY))]
Writer = Annotated[Actor, Depends(requiring(Scope.WRITE))]
Admin = Annotated[Actor, Depends(requiring(Scope.ADMIN))]
RegisteredAgent = Annotated[str, Depends(agent)]
JobToken = Annotated[str, Depends(job_token)]
Store = Annotated[UnitOfWork, Depends(store)]
Glance = Annotated[Glances, Depends(glances)]
Engine = Annotated[Workflows, Depends(workflows)]
Secrets = Annotated[Vault, Depends(vault)]
Cloud = Annotated["Compute", Depends(compute)]
GitProviders = Annotated["Providers", Depends(git_providers)]
Config = Annotated[Settings, Depends(settings)]
WebhookQueue = Annotated[Queue, Depends(webhook_queue)]
Wakeups = Annotated[Signals | None, Depends(signals)]
Limit = Annotated[int, Query(ge=1, le=100, description="Items per page")]
Cursor = Annotated[str | None, Query(description="Where the page before ended", max_length=500)]
Wait = Annotated[float, Query(ge=0, le=25, description="Seconds to wait for something new")]

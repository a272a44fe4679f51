"""Webhooks of Git providers on one machine: the same use case as the functions'.

Plain routes: no caller is asked for, and what is genuine is not limited by address, as a provider
has few of them; what is not is.
"""

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from shared import bootstrap
from shared.domain.errors import PlatformError, Unauthenticated
from shared.domain.git import Provider
from shared.domain.ids import now
from shared.http.admission import charge_failure
from shared.http.bodies import BODY
from shared.http.problems import refusal
from shared.observing import arrivals
from shared.ports.queues import PromptArrivals
from shared.usecases.intake import Incoming, Receipt, answer_of, receive, receive_promptly

router: Final = APIRouter()


async def webhook(provider: Provider, request: Request) -> Response:
    """Take one delivery in."""
    if (deliveries := getattr(request.app.state, "deliveries", None)) is not None:
        deliveries.note()
    kept: Any = getattr(request.state, BODY, b"")
    incoming = Incoming(provider, dict(request.headers), kept, request.query_params.get("hook"))
    try:
        receipt = await _received(incoming, request)
    except Unauthenticated as error:
        arrivals.refused(provider, error)
        return refusal(request.url.path, await charge_failure(request) or error)
    except PlatformError as error:
        arrivals.refused(provider, error)
        return refusal(request.url.path, error)
    arrivals.taken(receipt)
    return JSONResponse(answer_of(receipt), 202)


async def _received(incoming: Incoming, request: Request) -> Receipt:
    prompt: PromptArrivals | None = getattr(request.app.state, "arrivals", None)

    async def otherwise() -> Receipt:
        return await run_in_threadpool(_receive, incoming)

    if prompt is None:
        return await otherwise()
    known, at = bootstrap.known_hooks(), now()
    return await receive_promptly(
        incoming, known=known, arrivals=prompt, otherwise=otherwise, at=at
    )


def _receive(incoming: Incoming) -> Receipt:
    return receive(
        incoming,
        known=bootstrap.known_hooks(),
        arrivals=bootstrap.arrivals(),
        uow=bootstrap.unit_of_work(),
        vault=bootstrap.vault(),
        at=now(),
    )


for _provider in Provider:
    router.add_route(
        f"/webhooks/{_provider}", partial(webhook, _provider), methods=["POST"], name=_provider
    )

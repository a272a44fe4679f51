"""Webhooks of Git providers on one machine: the same use case as the functions'.

Plain routes: no caller is asked for, and no limit by address, as a provider has few addresses.
"""

from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from shared import bootstrap
from shared.domain.errors import PlatformError
from shared.domain.git import Provider
from shared.domain.ids import now
from shared.http.bodies import BODY
from shared.http.problems import refusal
from shared.usecases.intake import Incoming, answer_of, receive

router: Final = APIRouter()


async def webhook(provider: Provider, request: Request) -> Response:
    """Take one delivery in."""
    kept: Any = getattr(request.state, BODY, b"")
    incoming = Incoming(provider, dict(request.headers), kept, request.query_params.get("hook"))
    try:
        status, body = await run_in_threadpool(_receive, incoming)
    except PlatformError as error:
        return refusal(request.url.path, error)
    return JSONResponse(body, status)


def _receive(incoming: Incoming) -> tuple[int, dict[str, Any]]:
    receipt = receive(
        incoming,
        known=bootstrap.known_hooks(),
        arrivals=bootstrap.arrivals(),
        uow=bootstrap.unit_of_work(),
        vault=bootstrap.vault(),
        at=now(),
    )
    return 202, answer_of(receipt)


for _provider in Provider:
    router.add_route(
        f"/webhooks/{_provider}", partial(webhook, _provider), methods=["POST"], name=_provider
    )

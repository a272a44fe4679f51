"""The simulator behind HTTP."""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulator.calls import Answer, Call
from infra.simulator.simulator import Simulator

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def build_app(simulator: Simulator) -> Starlette:
    """An ASGI application; what is late holds up nobody else."""

    async def endpoint(request: Request) -> Response:
        outcome = simulator.handle(await _call(request))
        if outcome.late:
            await asyncio.sleep(outcome.late)
        return rendered(outcome.answer)

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=_METHODS)])


async def _call(request: Request) -> Call:
    return Call(
        method=request.method,
        path=request.url.path,
        query=tuple(request.query_params.multi_items()),
        headers=dict(request.headers),
        content=await request.body(),
        base=str(request.base_url).rstrip("/"),
    )


def rendered(answer: Answer) -> Response:
    """An answer as it goes out."""
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    if isinstance(answer.body, str):
        kind = answer.headers.pop("Content-Type", "text/plain")
        return Response(answer.body, answer.status, answer.headers, media_type=kind)
    kind = answer.headers.pop("Content-Type", "application/json")
    return JSONResponse(answer.body, answer.status, answer.headers, media_type=kind)

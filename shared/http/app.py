"""Routers in, one ASGI app out. Lambda passes one router; the local platform passes all."""

from collections.abc import Iterable
from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from shared import VERSION, bootstrap
from shared.http.access_log import AccessLog
from shared.http.admission import by_address
from shared.http.bodies import BodyLimit
from shared.http.deps import actor
from shared.http.envelope import Envelope
from shared.http.idempotency import Idempotency
from shared.http.openapi import complete, operation_id
from shared.http.problems import PROBLEM, handle_errors

__all__ = ["BASE", "PROBLEM", "build_app"]

BASE: Final = "/v1/click-deploy"
_UNLIMITED: Final = {f"{BASE}/health"}
"""Whether the process lives: asked often, answered without the database."""
_HOT: Final = frozenset({"deployments", "agent"})
_GZIP_FROM_BYTES: Final = 1024
"""Less fits into one packet as it is."""
_DOCS_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; style-src https://cdn.jsdelivr.net; "
    "script-src https://cdn.jsdelivr.net 'unsafe-inline'; img-src data: https://fastapi.tiangolo.com"
)
CORS: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": [
        "Authorization",
        "Content-Type",
        "Idempotency-Key",
        "If-Match",
        "If-None-Match",
        "X-Request-Id",
    ],
    "expose_headers": [
        "ETag",
        "Idempotency-Replayed",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "Retry-After",
        "X-Request-Id",
    ],
    "max_age": 600,
}
"""Where functions are behind API Gateway it answers preflights, and with the same."""


def build_app(routers: Iterable[APIRouter], *, docs: bool = False, **options: Any) -> FastAPI:
    """The app with our errors and layers; `docs` also serves the OpenAPI document."""
    app = FastAPI(
        title="Click to Deploy",
        version=VERSION,
        openapi_url=f"{BASE}/openapi.json" if docs else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        **options,
    )
    known = sorted(routers, key=_by_demand)
    for router in known:
        app.include_router(router, dependencies=_limits(router))
    if docs:
        app.add_route(f"{BASE}/docs", _docs, include_in_schema=False)
    handle_errors(app)
    complete(app, {operation_id(route) for router in known for route in _asking(router)})
    _layers(app)
    return app


async def _docs(_: Request) -> Response:
    """The document as a page; the browser fetches the page's code from where FastAPI says."""
    page = get_swagger_ui_html(openapi_url=f"{BASE}/openapi.json", title="Click to Deploy")
    page.headers["Content-Security-Policy"] = _DOCS_POLICY
    return page


def _layers(app: FastAPI) -> None:
    """From the innermost to the outermost."""
    settings = bootstrap.settings()
    app.add_middleware(Idempotency)
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=_GZIP_FROM_BYTES, compresslevel=5)
    if settings.cors:
        app.add_middleware(CORSMiddleware, allow_origins=list(settings.cors), **CORS)
    app.add_middleware(Envelope, https=settings.reached_at.startswith("https://"))
    app.add_middleware(AccessLog, what=settings.logged_requests)


def _by_demand(router: APIRouter) -> tuple[bool, int]:
    """Routes are tried in their order: what programs ask all the time comes first."""
    paths = [len(route.path) for route in _routes(router)]
    return not _HOT.intersection(router.tags), min(paths, default=0)


def _limits(router: APIRouter) -> list[Any]:
    """An endpoint that asks for no credentials is limited by address; the others by caller."""
    free = all(route.path in _UNLIMITED for route in _routes(router))
    return [] if free or _asking(router) else [Depends(by_address)]


def _routes(router: APIRouter) -> list[APIRoute]:
    return [route for route in router.routes if isinstance(route, APIRoute)]


def _asking(router: APIRouter) -> list[APIRoute]:
    return [route for route in _routes(router) if _asks_who(route.dependant)]


def _asks_who(dependant: Dependant) -> bool:
    return any(
        inner.call is actor or isinstance(inner.call, SecurityBase) or _asks_who(inner)
        for inner in dependant.dependencies
    )

"""Routers in, one ASGI app out. Lambda passes one router; the local platform passes all."""

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from shared import VERSION
from shared.domain.errors import PlatformError, Transient

BASE = "/v1/click-deploy"
PROBLEM = "application/problem+json"
_NAMES = {404: "NotFound", 405: "MethodNotAllowed", 413: "TooLarge", 422: "Invalid"}


def build_app(routers: Iterable[APIRouter], *, docs: bool = False, **options: Any) -> FastAPI:
    """The app with our errors; `docs` also serves the OpenAPI document."""
    app = FastAPI(
        title="Click to Deploy",
        version=VERSION,
        openapi_url=f"{BASE}/openapi.json" if docs else None,
        docs_url=f"{BASE}/docs" if docs else None,
        redoc_url=None,
        **options,
    )
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(PlatformError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _foreign)
    return app


def problem(request: Request, status: int, name: str, detail: str, **more: Any) -> JSONResponse:
    """One error as RFC 9457 problem details."""
    body = {
        "type": name,
        "title": name,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        **more,
    }
    headers = {"Retry-After": "1"} if status == Transient.status else None
    return JSONResponse(body, status, headers=headers, media_type=PROBLEM)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlatformError)  # noqa: S101 - narrows Starlette's signature
    return problem(request, error.status, type(error).__name__, error.reason)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows Starlette's signature
    errors = [
        {"field": ".".join(str(part) for part in e["loc"][1:]) or e["loc"][0], "detail": e["msg"]}
        for e in error.errors()
    ]
    detail = "; ".join(f"{e['field']}: {e['detail']}" for e in errors[:3])
    return problem(request, 422, "Invalid", detail, errors=errors)


async def _foreign(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - narrows Starlette's signature
    name = _NAMES.get(error.status_code, "HttpError")
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return problem(request, error.status_code, name, detail)

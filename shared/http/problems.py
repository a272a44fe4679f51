"""Errors as RFC 9457 problem details, whoever raised them."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from shared.domain.errors import PlatformError, RateLimited, Transient, Unauthenticated
from shared.http.admission import charge_failure

PROBLEM: Final = "application/problem+json"
_NAMES: Final = {
    400: "BadRequest",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "TooLarge",
    422: "Invalid",
}
_RETRY_SECONDS: Final = "1"


def handle_errors(app: FastAPI) -> None:
    """Whatever an endpoint raises on purpose is answered as problem details."""
    app.add_exception_handler(PlatformError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(StarletteHTTPException, _foreign)


def problem(
    path: str,
    status: int,
    name: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> JSONResponse:
    """One error as RFC 9457 problem details; a 429 or 503 says when to come back."""
    body = {
        "type": name,
        "title": name,
        "status": status,
        "detail": detail,
        "instance": path,
        **more,
    }
    given = dict(headers or {})
    if status in (RateLimited.status, Transient.status):
        given.setdefault("Retry-After", _RETRY_SECONDS)
    return JSONResponse(body, status, headers=given, media_type=PROBLEM)


def refusal(path: str, error: PlatformError) -> JSONResponse:
    """One of our own errors; `retry_after` in seconds where it carries one."""
    after = getattr(error, "retry_after", None)
    headers = {"Retry-After": str(after)} if after is not None else None
    if isinstance(error, Unauthenticated):
        headers = {"WWW-Authenticate": "Bearer"}
    return problem(path, error.status, type(error).__name__, error.reason, headers=headers)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlatformError)  # noqa: S101 - narrows Starlette's signature
    if isinstance(error, Unauthenticated):
        error = await charge_failure(request) or error
    return refusal(request.url.path, error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - narrows Starlette's signature
    errors = [
        {"field": ".".join(str(part) for part in e["loc"][1:]) or e["loc"][0], "detail": e["msg"]}
        for e in error.errors()
    ]
    detail = "; ".join(f"{e['field']}: {e['detail']}" for e in errors[:3])
    return problem(request.url.path, 422, "Invalid", detail, errors=errors)


async def _foreign(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 - narrows Starlette's signature
    path = request.url.path
    name = _NAMES.get(error.status_code, "HttpError")
    detail = f"{request.method} {path}: {error.detail}"
    return problem(path, error.status_code, name, detail, headers=error.headers)

"""The OpenAPI document: what FastAPI derives, and what holds for every operation."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from shared.domain.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    PreconditionFailed,
    RateLimited,
    TooLarge,
    Transient,
    Unauthenticated,
)
from shared.http import openapi_webhooks
from shared.http.problems import PROBLEM

Document = dict[str, Any]
_REF: Final = {"$ref": "#/components/schemas/Problem"}
_PROBLEM: Final[Document] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457. `type` is stable; `detail` is a sentence a person can act on.",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string", "examples": ["NotFound"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_SCHEMES: Final[Document] = {
    "caller": {
        "type": "http",
        "scheme": "bearer",
        "description": "A person's access token (JWT) or an API token (c2d_…)",
    },
    "agent": {
        "type": "http",
        "scheme": "bearer",
        "description": "An agent's registration token (c2da_…) or a job's (c2dj_…)",
    },
}
_TEXTS: Final[dict[int, str]] = {
    BadRequest.status: "The request cannot be read",
    Unauthenticated.status: "Nobody is signed in",
    Forbidden.status: "The caller lacks the scope",
    NotFound.status: "It is not there, or belongs to another organisation",
    Conflict.status: "It cannot be done as things stand, or the Idempotency-Key was used before",
    PreconditionFailed.status: "It has been changed since the ETag in If-Match",
    TooLarge.status: "The body is too large",
    Gone.status: "The job has ended and takes no more answers",
    Invalid.status: "The input is not valid",
    RateLimited.status: "Too many requests: wait for the seconds in Retry-After",
    Transient.status: "A dependency does not answer: try again",
}
_KEY: Final[Document] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again with the same request, it is answered as the first time",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
}
_IF_NONE_MATCH: Final[Document] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what you have",
    "schema": {"type": "string", "maxLength": 1000},
}
_DERIVED: Final = ("HTTPValidationError", "ValidationError")


def operation_id(route: APIRoute) -> str:
    """`projects.create`: the endpoint's file, and the action in the audit log."""
    return route.endpoint.__module__.removeprefix("functions.api.")


def complete(app: FastAPI, secured: Collection[str]) -> None:
    """Let the app's document say what the layers around its endpoints do.

    `secured` are the operations that ask who calls.
    """
    derived = app.openapi

    def openapi() -> Document:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(derived(), secured)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _completed(document: Document, secured: Collection[str]) -> Document:
    taken = openapi_webhooks.operations()
    document["paths"] = dict(sorted({**document["paths"], **taken}.items()))
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in _DERIVED:
        schemas.pop(name, None)
    schemas["Problem"] = _PROBLEM
    components["securitySchemes"] = _SCHEMES
    for item in taken.values():
        _refuse(item["post"], openapi_webhooks.REFUSALS)
    for method, operation in _operations(document, but=taken):
        _complete(method, operation, secured=operation["operationId"] in secured)
    return document


def _operations(document: Document, but: Collection[str]) -> Iterator[tuple[str, Document]]:
    for path, item in document["paths"].items():
        if path not in but:
            yield from item.items()


def _refuse(operation: Document, statuses: Iterable[int]) -> None:
    for status in statuses:
        described = {"description": _TEXTS[status], "content": {PROBLEM: {"schema": _REF}}}
        operation["responses"][str(status)] = described


def _complete(method: str, operation: Document, *, secured: bool) -> None:
    by_agent = "agent" in operation.get("tags", [])
    if secured:
        operation["security"] = [{"agent" if by_agent else "caller": []}]
    writes = method != "get"
    if writes and secured and not by_agent:
        operation.setdefault("parameters", []).append(_KEY)
    responses = operation["responses"]
    # what an endpoint names itself is described like the rest
    named = {int(status) for status in responses if status.isdigit()} & _TEXTS.keys()
    statuses = [*named, *_statuses(operation, writes=writes, secured=secured)]
    for status in [*statuses, Gone.status] if by_agent else statuses:
        described = {"description": _TEXTS[status], "content": {PROBLEM: {"schema": _REF}}}
        present = responses.get(str(status), {})
        if status == Invalid.status or "content" not in present:
            responses[str(status)] = described
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    if "304" in responses:
        operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
    if "dry_run" in names and "202" in responses:
        responses["200"] = {**responses["202"], "description": "What would happen"}
    operation["responses"] = dict(sorted(responses.items()))


def _is_id(schema: Document) -> bool:
    return any(option.get("format") == "uuid" for option in (schema, *schema.get("anyOf", [])))


def _statuses(operation: Document, *, writes: bool, secured: bool) -> Iterator[int]:
    parameters = operation.get("parameters", [])
    names = {parameter["name"] for parameter in parameters}
    body = "requestBody" in operation
    applies = {
        BadRequest.status: body or "cursor" in names,
        Unauthenticated.status: secured,
        Forbidden.status: secured,
        NotFound.status: body or any(p["in"] == "path" or _is_id(p["schema"]) for p in parameters),
        Conflict.status: writes or "git" in operation.get("tags", []),
        PreconditionFailed.status: "If-Match" in names,
        TooLarge.status: body,
        Invalid.status: bool(parameters) or body,
        RateLimited.status: True,
        Transient.status: True,
    }
    yield from (status for status, holds in applies.items() if holds)

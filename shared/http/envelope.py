"""Around every answer: a request id, security headers, and an answer even when we fail."""

import logging
from typing import Any, Final
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.limits import Standing
from shared.http.admission import STANDING
from shared.http.problems import problem
from shared.observing.fields import note

REQUEST_ID: Final = "request_id"
"""Where the request's state keeps its id."""
_MOST: Final = 128
_ID_CHARACTERS: Final = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+="
)
_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
logger = logging.getLogger(__name__)


class Envelope:
    """The outermost layer. What an endpoint sets itself stays as it is."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        id_ = state[REQUEST_ID] = _request_id(scope)
        note(request_id=id_)
        begun = False

        async def enveloped(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = self._headers(message["headers"], scope, state, id_)
            await send(message)

        try:
            await self._app(scope, receive, enveloped)
        except Exception:
            # the process boundary: whatever it is, the caller gets an answer and the log the trace
            logger.exception("request %s failed: %s %s", id_, scope["method"], scope["path"])
            if begun:
                raise
            detail = f"the platform failed; its log says why under the request id {id_}"
            answer = problem(scope["path"], 500, "PlatformError", detail)
            await answer(scope, receive, enveloped)

    def _headers(
        self,
        given: list[tuple[bytes, bytes]],
        scope: Scope,
        state: dict[str, Any],
        request_id: str,
    ) -> list[tuple[bytes, bytes]]:
        names = {name for name, _ in given}
        headers = [*given, (b"x-request-id", request_id.encode())]
        headers += [header for header in _ALWAYS if header[0] not in names]
        if self._https or scope.get("scheme") == "https":
            headers.append(_HSTS)
        standing: Standing | None = state.get(STANDING)
        if standing is not None:
            headers += (
                (b"ratelimit-limit", b"%d" % standing.limit),
                (b"ratelimit-remaining", b"%d" % standing.remaining),
                (b"ratelimit-reset", b"%d" % standing.reset),
            )
        return headers


def _request_id(scope: Scope) -> str:
    """The caller's own, if it is one that a log can hold; else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and 0 < len(value) <= _MOST and _ID_CHARACTERS.issuperset(value):
            return bytes(value).decode()
    return uuid4().hex

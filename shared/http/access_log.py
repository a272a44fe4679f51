"""One line per request once it is answered: its ids, its route, how it ended, how long it took.

Never the address as it was sent, a header, a query or a body: what people and programs put there
is theirs.
"""

from collections.abc import Mapping
from functools import partial
from time import monotonic
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.audit import Act
from shared.observing import metrics
from shared.observing.fields import FIELDS, note, work
from shared.observing.lines import Log

ACT: Final = "act"
"""Where the request's state keeps what it does."""
_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_ROUTINE: Final = (
    "functions.api.agent_jobs.claim",
    "functions.api.agent_jobs.heartbeat",
    "functions.api.agent_jobs.logs",
    "infra.local.webhooks",
)
"""Asked all the time, or with a line of their own."""
log = Log(__name__)


class AccessLog:
    """Around everything. `what` is `all` requests, `changes` (what writes, and what failed) or
    `none`; failures are counted in any case."""

    def __init__(self, app: ASGIApp, what: str) -> None:
        self._app = app
        self._what = what

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with work():
            try:
                await self._app(scope, receive, noting)
            finally:
                self._tell(scope, status, monotonic() - began)

    def _tell(self, scope: Scope, status: int, took: float) -> None:
        if status >= 500:
            metrics.count("ApiErrors")
        elif status == 429:
            metrics.count("RateLimited")
        if not self._wanted(scope, status):
            return
        _note_who_and_what(scope)
        write = log.warning if status >= 500 else log.info
        write(
            "request",
            method=scope["method"],
            route=_route(scope),
            status=status,
            duration_ms=round(took * 1000, 1),
        )

    def _wanted(self, scope: Scope, status: int) -> bool:
        if self._what != "changes":
            return self._what == "all"
        if status >= 500:
            return True
        return scope["method"] not in _READING and _module(scope) not in _ROUTINE


def _module(scope: Scope) -> str | None:
    endpoint = scope.get("endpoint")
    while isinstance(endpoint, partial):
        endpoint = endpoint.func
    return getattr(endpoint, "__module__", None)


def _route(scope: Scope) -> str:
    """The path with its parameters' names; who answers, where that is not known."""
    found = getattr(scope.get("route"), "path", None) or _module(scope)
    return found or "none"


def _note_who_and_what(scope: Scope) -> None:
    act: Act | None = (scope.get("state") or {}).get(ACT)
    if act is not None and act.actor is not None:
        note(organization_id=act.actor.organization_id)
    named: Mapping[str, Any] = scope.get("path_params") or {}
    note(**{name: value for name, value in named.items() if name in FIELDS})

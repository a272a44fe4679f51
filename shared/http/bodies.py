"""No request body is read further than its limit."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.domain.errors import TooLarge
from shared.http.problems import problem

BODY: Final = "body"
"""Where the request's state keeps the whole body."""
MOST_BYTES: Final = 1024 * 1024
WEBHOOK_BYTES: Final = 25 * 1024 * 1024
_WEBHOOKS: Final = "/webhooks/"


class BodyLimit:
    """Takes the body in, up to the limit, and hands it on in one piece.

    Refused is a declared length before a byte is read, and a body without one as soon as it is
    longer than allowed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = _declared(scope)
        if length == 0:
            await self._app(scope, receive, send)
            return
        most = WEBHOOK_BYTES if scope["path"].startswith(_WEBHOOKS) else MOST_BYTES
        body = None if length is not None and length > most else await _read(receive, most)
        if body is None and most == WEBHOOK_BYTES:
            # a delivery too long to be read is stored all the same: it has its verdict
            scope.setdefault("state", {})[BODY] = None
            await self._app(scope, _Again(b"", receive), send)
            return
        if body is None:
            detail = f"the body is larger than {most // 1024} KiB"
            await problem(scope["path"], 413, TooLarge.__name__, detail)(scope, receive, send)
            return
        scope.setdefault("state", {})[BODY] = body
        await self._app(scope, _Again(body, receive), send)


class _Again:
    """The body that was read, then whatever comes after it."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


def _declared(scope: Scope) -> int | None:
    """The body's length as declared; None when it is sent in chunks, 0 when there is none."""
    chunked = False
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
        chunked = chunked or name == b"transfer-encoding"
    return None if chunked else 0


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None as soon as it is longer than `most`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)

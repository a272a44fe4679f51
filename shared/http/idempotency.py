"""`Idempotency-Key`: a write that is sent twice is carried out once."""

import hashlib
from typing import Final

from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import bootstrap
from shared.domain.access import Actor
from shared.domain.errors import Invalid, PlatformError, Unauthenticated
from shared.domain.idempotency import Answer, IdempotencyKey
from shared.http.admission import admitted
from shared.http.bodies import BODY
from shared.http.problems import refusal
from shared.usecases import idempotency

CLAIM: Final = "claim"
"""Where the request's state keeps its hold on the key, for its unit of work."""
_HEADER: Final = b"idempotency-key"
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_KEPT_HEADERS: Final = frozenset({b"content-type", b"etag", b"location"})
_MOST: Final = 255
_ONCE: Final = "shown_once"


async def _mark(request: Request) -> None:
    setattr(request.state, _ONCE, True)


SHOWN_ONCE: Final = Depends(_mark)
"""For the `dependencies` of an endpoint whose answer holds a secret that is shown once."""


class Idempotency:
    """Claims the key before the endpoint runs, and keeps its answer before it is sent.

    Needs a caller: without one the key means nothing, and the endpoint says what it says.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = _key(scope)
        if key is None:
            await self._app(scope, receive, send)
            return
        try:
            _check(key)
            caller = await admitted(Request(scope))
            begun = await run_in_threadpool(_begin, scope, caller, key)
        except Unauthenticated:
            await self._app(scope, receive, send)
        except PlatformError as error:
            await refusal(scope["path"], error)(scope, receive, send)
        else:
            if isinstance(begun, Answer):
                await _replay(begun)(scope, receive, send)
            else:
                await self._run(begun, scope, receive, send)

    async def _run(self, begun: IdempotencyKey, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][CLAIM] = begun.claim
        messages: list[Message] = []

        async def record(message: Message) -> None:
            messages.append(message)

        try:
            await self._app(scope, receive, record)
        finally:
            await _finish(begun, _answer(messages, scope))
        for message in messages:
            await send(message)


def _key(scope: Scope) -> bytes | None:
    if scope["type"] != "http" or scope["method"] not in _WRITES:
        return None
    return next((value for name, value in scope["headers"] if name == _HEADER), None)


def _check(key: bytes) -> None:
    if not 0 < len(key) <= _MOST or not all(32 < byte < 127 for byte in key):
        raise Invalid(f"an Idempotency-Key has 1 to {_MOST} visible ASCII characters")


def _begin(scope: Scope, caller: Actor, key: bytes) -> IdempotencyKey | Answer:
    parts = (
        scope["method"].encode(),
        scope["path"].encode(),
        scope["query_string"],
        scope["state"].get(BODY, b""),
    )
    return idempotency.begin(
        caller.organization_id,
        caller.id,
        key.decode(),
        hashlib.sha256(b"\n".join(parts)).hexdigest(),
        keys=bootstrap.idempotency_keys(),
        vault=bootstrap.vault(),
    )


async def _finish(begun: IdempotencyKey, answer: Answer) -> None:
    def keep() -> None:
        idempotency.finish(
            begun, answer, keys=bootstrap.idempotency_keys(), vault=bootstrap.vault()
        )

    try:
        await run_in_threadpool(keep)
    except PlatformError:
        # the change is made and the caller there: a repetition will be told that it was
        return


def _answer(messages: list[Message], scope: Scope) -> Answer:
    """What was answered; a 500 when nothing was."""
    start = next((m for m in messages if m["type"] == "http.response.start"), None)
    if start is None:
        return Answer(500, {}, b"")
    kept = {
        name.decode(): value.decode("latin-1")
        for name, value in start["headers"]
        if name in _KEPT_HEADERS
    }
    body = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")
    return Answer(start["status"], kept, body, bool(scope["state"].get(_ONCE)))


def _replay(answer: Answer) -> Response:
    headers = {**answer.headers, "Idempotency-Replayed": "true"}
    return Response(answer.body, answer.status, headers=headers)

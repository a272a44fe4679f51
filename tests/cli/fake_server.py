"""Serves the fake on a real socket; stops, restarts and breaks connections when told to."""

import asyncio
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from tests.cli.fake_api import TOKEN, create_app
from tests.cli.fake_state import World

START_SECONDS = 10


class Dropped(Exception):
    """Ends a connection in the middle of an answer."""


async def _swallow(_: Any) -> None:
    """An answer that never leaves the machine."""


@dataclass
class Fault:
    """Something that goes wrong with the next `times` requests whose path matches."""

    path: str
    kind: str
    times: int = 1
    retry_after: int | None = None


@dataclass
class FakePlatform:
    """The fake control plane with its address; `seen` are the requests it got."""

    world: World = field(default_factory=World)
    faults: list[Fault] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """The idempotency keys of the writes."""
    port: int = 0
    token: str = TOKEN
    app: Any = None
    """Another application to serve instead of the fake's own."""
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen: the first time on a free port, afterwards on the same."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        config = uvicorn.Config(
            self._broken(self.app or create_app(self.world)),
            log_level="critical",
            timeout_graceful_shutdown=1,
            lifespan="off",
            ws="none",
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening]}, daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            assert time.monotonic() < deadline, "the fake did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop listening and cut what is open, as a restarting platform does."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._server.force_exit = True
        with self.world.changed:
            self.world.changed.notify_all()
        self._thread.join(START_SECONDS)
        assert not self._thread.is_alive(), "the fake did not stop"
        self._server = self._thread = None

    def count(self, pattern: str) -> int:
        """How many requests came whose method and path match."""
        return sum(bool(re.search(pattern, each)) for each in self.seen)

    def _broken(self, app: Any) -> Any:
        async def serve(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return
            self.seen.append(f"{scope['method']} {scope['path']}?{scope['query_string'].decode()}")
            self.keys += [v.decode() for n, v in scope["headers"] if n == b"idempotency-key"]
            fault = self._fault(scope["path"])
            if fault is None:
                await app(scope, receive, send)
            elif fault.kind == "lost":
                await app(scope, receive, _swallow)
                raise Dropped
            else:
                await self._fail(fault, send)

        return serve

    def _fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None

    async def _fail(self, fault: Fault, send: Any) -> None:
        start = {"type": "http.response.start", "headers": [(b"content-length", b"1000")]}
        if fault.kind == "drop":
            await send({**start, "status": 200})
            await send({"type": "http.response.body", "body": b'{"items"', "more_body": True})
            await asyncio.sleep(0.05)
            raise Dropped
        headers = [(b"content-type", b"application/problem+json")]
        if fault.retry_after is not None:
            headers.append((b"retry-after", str(fault.retry_after).encode()))
        body = b'{"type":"Transient","status":503,"detail":"The database is away."}'
        status = int(fault.kind)
        if fault.kind == "200":
            headers, body = [(b"content-type", b"text/html")], b"<html>a router's page</html>"
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

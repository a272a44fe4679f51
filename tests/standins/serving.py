"""HTTP on loopback: routes by undecoded path, faults on demand, a record of what was asked."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar
from urllib.parse import parse_qsl, unquote

import anyio
import uvicorn

S = TypeVar("S", bound="LoopbackServer")
STARTUP_SECONDS = 20


@dataclass(frozen=True)
class Ask:
    """One request. `parameters` are the decoded parts of the path, header names lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]

    def number(self, name: str) -> int:
        """A number in the path; anything else is not found."""
        if not self.parameters[name].isdigit():
            raise Refusal(404, {"message": "Not Found"})
        return int(self.parameters[name])

    def data(self) -> dict[str, Any]:
        """The body's fields, be it JSON or a form."""
        kind = self.headers.get("content-type", "")
        if not self.body:
            return {}
        if kind.startswith("application/x-www-form-urlencoded"):
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        try:
            read = json.loads(self.body)
        except ValueError:
            raise Refusal(400, {"message": "Problems parsing JSON"}) from None
        if not isinstance(read, dict):
            raise Refusal(400, {"message": "Body should be a JSON object"})
        return read


@dataclass(frozen=True)
class Answer:
    """`content` is sent as JSON unless it is bytes; None is an empty body."""

    status: int = 200
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> tuple[list[tuple[bytes, bytes]], bytes]:
        given = {name.lower(): value for name, value in self.headers.items()}
        if isinstance(self.content, bytes):
            body = self.content
        elif self.content is None:
            body = b""
        else:
            body = json.dumps(self.content).encode()
            given.setdefault("content-type", "application/json; charset=utf-8")
        if self.status not in {204, 304}:
            given["content-length"] = str(len(body))
        return [(name.encode(), value.encode("latin-1")) for name, value in given.items()], body


class Refusal(Exception):
    """Raised by a handler instead of an answer."""

    def __init__(
        self, status: int, content: object = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, content)
        self.answer = Answer(status, content, headers or {})


Handler = Callable[[S, Ask], Answer]


class Routes(Generic[S]):
    """Handlers by method and pattern: `{name}` is one segment, `{name*}` the rest of the path."""

    def __init__(self) -> None:
        self._all: list[tuple[str, str, re.Pattern[str], Handler[S]]] = []

    def on(self, method: str, *patterns: str) -> Callable[[Handler[S]], Handler[S]]:
        def add(handler: Handler[S]) -> Handler[S]:
            for pattern in patterns:
                text = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern)
                text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)
                self._all.append((method, pattern, re.compile(text), handler))
            return handler

        return add

    def include(self, other: "Routes[S]", prefix: str = "") -> None:
        for method, pattern, regex, handler in other._all:
            under = re.compile(re.escape(prefix) + regex.pattern)
            self._all.append((method, prefix + pattern, under, handler))

    @property
    def operations(self) -> list[tuple[str, str]]:
        """(method, pattern) of everything that is served."""
        return [(method, pattern) for method, pattern, _, _ in self._all]

    def operation(self, method: str, path: str) -> tuple[str, str] | None:
        """Which of the operations an address belongs to."""
        for known, pattern, regex, _ in self._all:
            if known == method and regex.fullmatch(path):
                return known, pattern
        return None

    def find(self, method: str, path: str) -> tuple[Handler[S], dict[str, str]] | None:
        for known, _, regex, handler in self._all:
            found = regex.fullmatch(path) if known == method else None
            if found:
                return handler, {k: unquote(v) for k, v in found.groupdict().items()}
        return None


@dataclass
class Faults:
    """What goes wrong until it is set back.

    `down` answers 503 to everything; `limited_seconds` refuses API calls until then, with
    `limited_status` (403 or 429); `slow_seconds` delays every answer; `refused` maps a regular
    expression of `METHOD /path` to the status it gets.
    """

    down: bool = False
    limited_seconds: int | None = None
    limited_status: int = 403
    slow_seconds: float = 0.0
    refused: dict[str, int] = field(default_factory=dict)


class LoopbackServer:
    """`with Server() as server:` serves at `server.url` until the block ends.

    `host` is the address it listens on.
    """

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.faults = Faults()
        self.asked: list[Ask] = []
        self.lock = threading.RLock()
        self._ended = threading.Event()
        self._socket = socket.socket()
        self._socket.bind((self.host, 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://{self.host}:{self.port}"
        self._threads = anyio.CapacityLimiter(64)
        config = uvicorn.Config(
            self._app, interface="asgi3", log_level="warning", lifespan="off", ws="none",
            access_log=False, timeout_graceful_shutdown=2,
        )  # fmt: skip
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + STARTUP_SECONDS
        while not self._uvicorn.started:
            assert self._thread.is_alive(), "it does not start"
            assert time.monotonic() < deadline, "it does not start in time"
            time.sleep(0.005)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._uvicorn.should_exit = True
        self._thread.join(STARTUP_SECONDS)
        self._socket.close()

    @contextmanager
    def down(self) -> Iterator[None]:
        """For the block, everything answers 503."""
        self.faults.down = True
        try:
            yield
        finally:
            self.faults.down = False

    def asks(self, method: str, path: str) -> list[Ask]:
        """What was asked so far of paths that contain a match of `path`."""
        return [a for a in list(self.asked) if a.method == method and re.search(path, a.path)]

    def _run(self) -> None:
        self._uvicorn.run(sockets=[self._socket])

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                break
        ask = Ask(
            scope["method"],
            scope["raw_path"].decode().partition("?")[0],
            dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
            {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]},
            body,
        )
        answer = await anyio.to_thread.run_sync(self._answer, ask, limiter=self._threads)
        headers, content = answer.encoded()
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    def _answer(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        if self.faults.slow_seconds:
            self._ended.wait(self.faults.slow_seconds)
        if self.faults.down:
            return Answer(503, {"message": "Service unavailable"})
        for pattern, status in self.faults.refused.items():
            if re.search(pattern, f"{ask.method} {ask.path}"):
                return Answer(status, {"message": "refused on demand"})
        try:
            return self.answer(ask)
        except Refusal as refusal:
            return refusal.answer

    def answer(self, ask: Ask) -> Answer:
        """Any thread may call this. Raises Refusal."""
        raise NotImplementedError

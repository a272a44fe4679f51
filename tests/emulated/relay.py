"""What stands between the functions and AWS: passes calls on, and writes down who called what."""

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

SECONDS: Final = 120
_SERVICE: Final = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
_APP: Final = re.compile(r"\bapp/(\w+)")
_RESOURCES: Final = ("QueueUrl", "stateMachineArn", "executionArn", "KeyId", "SecretId")
_NOT_PASSED_ON: Final = {"connection", "keep-alive", "transfer-encoding", "host"}


@dataclass(frozen=True)
class Call:
    """One call of AWS: `states:StartExecution` by a function, on what its request names."""

    function: str
    action: str
    resource: str
    status: int
    seconds: float


@dataclass
class Relay:
    """`host` is the name the target is asked by, where that is not its address."""

    target: tuple[str, int]
    host: str | None = None
    calls: list[Call] = field(default_factory=list)
    requests: int = 0
    port: int = 0

    def note(self, headers: Mapping[str, str], body: bytes, status: int, seconds: float) -> None:
        self.requests += 1
        service = _SERVICE.search(headers.get("Authorization", ""))
        if service is None:
            return
        asked = _asked(headers.get("X-Amz-Target", ""), body)
        app = _APP.search(headers.get("User-Agent", ""))
        resource = next((str(asked[1][name]) for name in _RESOURCES if name in asked[1]), "")
        function = app[1] if app else ""
        self.calls.append(
            Call(function, f"{service[1]}:{asked[0]}", resource, status, round(seconds, 4))
        )


def _asked(target: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation and its arguments, in either of the protocols the platform speaks."""
    if target:
        return target.rpartition(".")[2], dict(json.loads(body or b"{}"))
    form = parse_qs(body.decode(errors="replace"))
    return form.get("Action", [""])[0], {name: values[0] for name, values in form.items()}


@contextmanager
def relay(address: str, target: str, host: str | None = None) -> Iterator[Relay]:
    """Serves on `address`, a port of its own, until the block ends."""
    parts = urlsplit(target)
    assert parts.hostname is not None
    assert parts.port is not None
    made = Relay((parts.hostname, parts.port), host)
    server = _Server((address, 0), _handler(made))
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, name=f"relay-{made.port}", daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A function that is stopped leaves its connection: nobody's error."""


def _handler(made: Relay) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = SECONDS

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            began = time.monotonic()
            connection = http.client.HTTPConnection(*made.target, timeout=SECONDS)
            try:
                answer, content = self._answer_of(connection, body)
            finally:
                connection.close()
            made.note(self.headers, body, answer.status, time.monotonic() - began)
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {*_NOT_PASSED_ON, "content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def _answer_of(
            self, connection: http.client.HTTPConnection, body: bytes
        ) -> tuple[http.client.HTTPResponse, bytes]:
            given = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_PASSED_ON}
            given["Host"] = made.host or self.headers.get("Host", "")
            connection.request(self.command, self.path, body, given)
            answer = connection.getresponse()
            return answer, answer.read()

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _pass_on

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    return Handler

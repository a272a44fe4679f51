"""Readiness over HTTP: what is wrong is named, in the words of the part that is wrong."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from infra.local.probes import http_probe, ready_probe


class Stand(ThreadingHTTPServer):
    """Answers every request with one status and one text."""

    status, text = 200, ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Stand

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.text.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def stand() -> Iterator[Stand]:
    server = Stand(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(10)


def checks(**parts: str | None) -> str:
    shown = {name: {"ok": why is None, "detail": why or "answers"} for name, why in parts.items()}
    return json.dumps({"checks": shown})


def test_a_platform_that_is_not_ready_names_the_parts_and_their_reasons(stand: Stand) -> None:
    stand.status, stand.text = 503, checks(postgres=None, engine="no disk", agents="no agent")
    assert ready_probe(stand.url)() == "engine: no disk; agents: no agent"


def test_one_part_is_ready_whatever_the_others_are(stand: Stand) -> None:
    stand.status, stand.text = 503, checks(engine="no disk", agents=None)
    assert ready_probe(stand.url, "agents")() is None
    assert ready_probe(stand.url, "engine")() == "no disk"


def test_an_answer_that_is_no_readiness_is_not_taken_for_one(stand: Stand) -> None:
    stand.text = "<html>somebody else's server</html>"
    reason = ready_probe(stand.url)()
    assert reason is not None
    assert "answers 200" in reason


def test_a_closed_port_and_an_unexpected_status_are_reasons(stand: Stand) -> None:
    stand.status = 502
    reason = http_probe(stand.url, "the router", frozenset({200, 404}))()
    assert reason == f"the router answers 502 at {stand.url}"
    closed = http_probe("http://127.0.0.1:1/", "the router")()
    assert closed is not None
    assert closed.startswith("the router does not answer at http://127.0.0.1:1/")

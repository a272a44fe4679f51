"""What git may be led to: redirects and names that change their address (SSRF)."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra.agent.build import remotes
from shared.domain.errors import SourceDenied
from tests.agent.building.cloning import Cloning
from tests.agent.building.git_servers import HttpServer, Repository


@contextmanager
def _redirecting(target: str) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            return None

        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", target + self.path)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def internet(cloning: Cloning, monkeypatch: pytest.MonkeyPatch) -> Cloning:
    """127.0.0.1 counts as public here, every other loopback address as private."""
    cloning.settings = replace(cloning.settings, allow_private_git=False)
    monkeypatch.setattr(remotes, "is_public", lambda address: address == "127.0.0.1")
    return cloning


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HttpServer]:
    Repository(tmp_path / "srv").commit({"app.py": "x"}, "first")
    with HttpServer(tmp_path / "srv").serving() as serving:
        yield serving


def test_a_redirect_to_a_public_address_is_followed(internet: Cloning, server: HttpServer):
    with _redirecting(server.url) as url:
        assert internet(f"{url}/app.git").message == "first"


def test_a_redirect_to_a_private_address_is_refused(internet: Cloning, server: HttpServer):
    private = server.url.replace("127.0.0.1", "127.0.0.2")
    with _redirecting(private) as url, pytest.raises(SourceDenied, match="private network"):
        internet(f"{url}/app.git")


def test_a_redirect_to_another_transport_is_refused(internet: Cloning):
    with _redirecting("git://127.0.0.1") as url, pytest.raises(SourceDenied, match="git://"):
        internet(f"{url}/app.git")


def test_a_redirect_in_circles_ends(internet: Cloning):
    with _redirecting("") as url, pytest.raises(SourceDenied, match="circles"):
        internet(f"{url}/app.git")


def test_git_connects_to_the_address_that_was_checked(
    internet: Cloning, server: HttpServer, monkeypatch: pytest.MonkeyPatch
):
    """The name has no address of its own: only the pinned one can have been used."""
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "pinned.invalid" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    url = server.url.replace("127.0.0.1", "pinned.invalid")
    assert internet(f"{url}/app.git").message == "first"

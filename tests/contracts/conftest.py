"""Stand-ins with the vendors' own judges in front."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contracts import vendor
from tests.e2e.platform import free_port, until
from tests.standins.github import GitHubServer
from tests.standins.gitlab import GitLabServer

PREFIX = "/api/v3"


@pytest.fixture(scope="session")
def description() -> dict[str, Any]:
    return vendor.github_description()


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubServer]:
    with GitHubServer(tmp_path / "github") as server:
        yield server


@pytest.fixture
def gitlab(tmp_path: Path) -> Iterator[GitLabServer]:
    with GitLabServer(tmp_path / "gitlab") as server:
        yield server


@dataclass
class Judged:
    """A stand-in of GitHub whose calls and answers pass through GitHub's own description."""

    server: GitHubServer
    url: str


@pytest.fixture(scope="session")
def judged(
    tmp_path_factory: pytest.TempPathFactory, description: dict[str, Any]
) -> Iterator[Judged]:
    """Prism before the stand-in: 422 for a wrong call, 500 for a wrong answer."""
    folder, port = tmp_path_factory.mktemp("judged"), free_port()
    with GitHubServer(folder / "github") as server:
        known = vendor.operations(description)
        used = [
            (method, path.removeprefix(PREFIX))
            for method, path in server.routes.operations
            if (method, vendor.shape(path.removeprefix(PREFIX))) in known
        ]
        text = json.dumps(vendor.without_examples(vendor.cut(description, used)))
        (folder / "github.json").write_text(text)
        argv = ["node", str(vendor.prism()), "proxy", str(folder / "github.json"), server.api_url]
        argv += ["--errors", "--host", "127.0.0.1", "--port", str(port)]
        with (folder / "prism.log").open("wb") as log:
            judge = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: _answers(url), "Prism's start")
            server.api_url = url
            yield Judged(server, url)
        finally:
            os.killpg(judge.pid, signal.SIGTERM)
            judge.wait(20)


def _answers(url: str) -> bool:
    try:
        httpx.get(f"{url}/user", timeout=5, trust_env=False)
    except httpx.TransportError:
        return False
    return True


class Receiver:
    """Takes webhooks at `url`, remembers them and answers `status`."""

    def __init__(self) -> None:
        self.status = 202
        self.got: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running

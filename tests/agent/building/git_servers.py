"""Real git servers on loopback: smart HTTP with Basic auth, git daemon, and SSH."""

import base64
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

GIT_ENV = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_ALLOW_PROTOCOL": "file",
}


def git(folder: Path, *args: str) -> str:
    done = subprocess.run(
        ["git", *args],
        cwd=folder,
        env=GIT_ENV,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


class Repository:
    """A bare repository in `root/name.git` with a work tree beside it."""

    def __init__(self, root: Path, name: str = "app") -> None:
        self.name = name
        self.bare = root / f"{name}.git"
        self.work = root / f"{name}.work"
        self.bare.mkdir(parents=True)
        git(self.bare, "init", "--quiet", "--bare", "--initial-branch=main")
        git(root, "clone", "--quiet", str(self.bare), str(self.work))
        git(self.work, "checkout", "--quiet", "-B", "main")

    def commit(self, files: dict[str, str | bytes], message: str = "change") -> str:
        """Commits and pushes these files on the current branch; the SHA."""
        for name, content in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        git(self.work, "add", "--all")
        return self.push(message)

    def push(self, message: str) -> str:
        git(self.work, "commit", "--quiet", "--allow-empty", "-m", message)
        git(self.work, "push", "--quiet", "--force", "origin", "HEAD")
        return git(self.work, "rev-parse", "HEAD")


class HttpServer:
    """`git http-backend` over `root`; every repository needs the login where one is set.

    With `old`, protocol version 2 is refused, so that single commits cannot be fetched.
    """

    def __init__(self, root: Path, login: tuple[str, str] | None = None, *, old: bool = False):
        self.authorizations: list[str | None] = []
        self.visits = 0
        """How often somebody asked what the repository has, as every fetch begins with."""
        handler = type(
            "Handler", (_Backend,), {"root": root, "login": login, "old": old, "server_": self}
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    @contextmanager
    def serving(self) -> Iterator["HttpServer"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Backend(BaseHTTPRequestHandler):
    root: Path
    login: tuple[str, str] | None
    old: bool
    server_: HttpServer

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def do_GET(self) -> None:
        self.server_.visits += "/info/refs" in self.path
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        given = self.headers.get("Authorization")
        self.server_.authorizations.append(given)
        body = self._body()
        if (
            self.login
            and given != "Basic " + base64.b64encode(":".join(self.login).encode()).decode()
        ):
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._answer(self._run(body))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _run(self, body: bytes) -> bytes:
        path, _, query = self.path.partition("?")
        env = {
            **GIT_ENV,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": "" if self.old else self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=env,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.stdout

    def _answer(self, cgi: bytes) -> None:
        head, _, body = cgi.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def daemon(root: Path) -> Iterator[str]:
    """`git daemon` over `root`; its URL."""
    port = free_port()
    child = subprocess.Popen(
        [
            *("git", "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1"),
            *(f"--port={port}", f"--base-path={root}", str(root)),
        ],
        env=GIT_ENV,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_port(port)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(child.pid, 15)
        child.wait(10)


class SshServer:
    """What `ssh_server` told about itself."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.port: int = said["port"]
        self.private_key: str = said["private_key"]
        self.known_hosts = f"[127.0.0.1]:{self.port} {said['host_key']}"


@contextmanager
def ssh(root: Path) -> Iterator[SshServer]:
    """An SSH server over `root` for one key."""
    argv = [sys.executable, "-m", "tests.agent.building.ssh_server", str(root)]
    child = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with child:
        assert child.stdout
        yield SshServer(json.loads(child.stdout.readline()))
        child.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, seconds: float = 10.0) -> None:
    gate = threading.Event()
    for _ in range(int(seconds / 0.05)):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        gate.wait(0.05)
    raise AssertionError(f"nothing listens on {port}")

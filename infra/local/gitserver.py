"""A read-only Git server on loopback for the demo: `git http-backend` behind Python's server."""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

LARGEST_REQUEST, BACKEND_SECONDS = 16 * 1024 * 1024, 60


class GitServer(ThreadingHTTPServer):
    """Serves every repository below a folder on loopback; port 0 takes a free one."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GitServer

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/":
            self._answer(200, [("Content-Type", "text/plain")], b"git\n")
        else:
            self._backend(b"")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_REQUEST or self.headers.get("Transfer-Encoding"):
            self._answer(413, [], b"")
        else:
            self._backend(self.rfile.read(length))

    def _environment(self) -> dict[str, str]:
        url = urlsplit(self.path)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": url.path,
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_ADDR": self.client_address[0],
        }

    def _backend(self, body: bytes) -> None:
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            capture_output=True,
            env=self._environment(),
            timeout=BACKEND_SECONDS,
            check=False,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.partition(": ") for line in head.decode("latin-1").split("\r\n") if line]
        headers = [(name, value) for name, _, value in fields]
        said = dict(headers).get("Status", "200 OK" if headers else "500 Failed")
        self._answer(int(said.split()[0]), headers, content)

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        print(f"{self.command} {urlsplit(self.path).path} {code} {size}", flush=True)


if __name__ == "__main__":
    GitServer(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()

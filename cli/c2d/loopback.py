"""A port on this machine that waits for the browser to come back with a code."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Empty, SimpleQueue
from typing import Final
from urllib.parse import parse_qs, urlsplit

from c2d.errors import CliError

_PAGE: Final = b"<!doctype html><meta charset=utf-8><p>Done. You can close this page.</p>"


class Listener:
    """Listens on loopback alone until closed; what comes is a code, or nothing of ours."""

    def __init__(self) -> None:
        codes: SimpleQueue[str] = SimpleQueue()

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                code = parse_qs(urlsplit(self.path).query).get("code", [""])[0]
                self.send_response(200 if code else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(_PAGE) if code else 0))
                self.send_header("Connection", "close")
                self.end_headers()
                if code:
                    self.wfile.write(_PAGE)
                    codes.put(code)

            def log_message(self, *_: object) -> None:
                """Nothing: the terminal is the user's."""

        self._codes = codes
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def wait(self, seconds: float) -> str:
        """The code that came. Raises CliError when none does."""
        try:
            return self._codes.get(timeout=seconds)
        except Empty:
            raise CliError("nobody agreed in time", "Try again: c2d git connect") from None

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

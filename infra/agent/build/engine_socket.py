"""Questions to the Docker engine on its own socket: a program for each would cost far more."""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

_DEFAULT: Final = "unix:///var/run/docker.sock"
_SECONDS: Final = 5.0


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def engine_socket(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where the engine listens on this machine; None where it is reached in another way."""
    host = environ.get("DOCKER_HOST") or _DEFAULT
    return Path(host.removeprefix("unix://")) if host.startswith("unix://") else None


def inspect_image(name: str, path: Path | None) -> dict[str, Any] | None:
    """What the engine says of an image; None without a plain answer: then the client is asked."""
    if path is None:
        return None
    connection = _Connection(path)
    try:
        connection.request("GET", f"/images/{quote(name, safe='/:@')}/json")
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None

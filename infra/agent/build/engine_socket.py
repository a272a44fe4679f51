"""Questions to the Docker engine on its own socket: a program for each would cost far more."""

import http.client
import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

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


@dataclass(frozen=True, slots=True)
class EngineSocket:
    """What cannot be answered plainly is None or False: the client is asked then, or has to build.

    `path` is None where the engine is not reached by a socket of this machine.
    """

    path: Path | None

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> "EngineSocket":
        """The socket that the docker command uses in this environment."""
        host = environ.get("DOCKER_HOST") or _DEFAULT
        return cls(Path(host.removeprefix("unix://")) if host.startswith("unix://") else None)

    def image(self, name: str) -> dict[str, Any] | None:
        """What the engine says of an image, by name or id."""
        found = self._answer("GET", f"/images/{quote(name, safe='/:@')}/json")
        return found if isinstance(found, dict) else None

    def labelled(self, label: str, value: str) -> Sequence[Mapping[str, Any]]:
        """The images that carry this label."""
        filters = json.dumps({"label": [f"{label}={value}"]})
        found = self._answer("GET", f"/images/json?{urlencode({'filters': filters})}")
        return found if isinstance(found, list) else []

    def tag(self, image_id: str, name: str) -> bool:
        """Gives the image one more name; False when it is gone."""
        repository, _, tag = name.rpartition(":")
        query = urlencode({"repo": repository, "tag": tag})
        return self._answer("POST", f"/images/{quote(image_id)}/tag?{query}") is not None

    def _answer(self, method: str, path: str) -> Any:
        if self.path is None:
            return None
        connection = _Connection(self.path)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body or b"true") if answer.status < 300 else None
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

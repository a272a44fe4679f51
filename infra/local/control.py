"""The supervisor's control socket: one JSON line asks, one JSON line answers."""

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from infra.local.errors import RefusedError

Answer = dict[str, object]
LONGEST_REQUEST = 4096


class ControlServer:
    """Serves requests of this machine's owner; the folder's mode keeps others out."""

    def __init__(self, path: Path, handle: Callable[[dict[str, str]], Answer]) -> None:
        self._handle = handle
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(8)

    def start(self) -> None:
        """Serve in a thread of its own until the process ends."""
        threading.Thread(target=self._serve, name="control", daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rw", encoding="utf-8") as stream:
            try:
                answer = self._handle(json.loads(stream.readline(LONGEST_REQUEST)))
            except (ValueError, KeyError, AttributeError) as error:
                answer = {"error": f"the request is not understood: {error}"}
            try:
                stream.write(json.dumps(answer) + "\n")
                stream.flush()
            except OSError:
                return


def ask(path: Path, request: dict[str, str], seconds: float) -> Answer:
    """Send a request to the running supervisor.

    Raises RefusedError when none answers within `seconds`, or when its answer is an error.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(seconds)
        try:
            client.connect(str(path))
            client.sendall(json.dumps(request).encode() + b"\n")
            with client.makefile("r", encoding="utf-8") as stream:
                answer = json.loads(stream.readline())
        except (OSError, ValueError) as error:
            raise RefusedError(
                f"The supervisor does not answer ({error}); see logs/supervisor.log."
            ) from error
    if not isinstance(answer, dict) or "error" in answer:
        raise RefusedError(f"The supervisor refused: {answer}")
    return answer

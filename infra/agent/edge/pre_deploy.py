"""Waiting for a started one-off container: its lines to the log, its exit code to the caller."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from infra.agent.edge.container import DockerContainers, engine
from infra.agent.edge.probe import Wait
from shared.domain.errors import Cancelled, PreDeployFailed, Transient

POLL_SECONDS: Final = 0.2
LAST_LINES: Final = 5
LOG_GRACE_SECONDS: Final = 5.0
_SAID: Final = "the old version keeps serving"


class RawWriter(Protocol):
    """Takes one stream's raw output and makes masked lines of it."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Output:
    """Where both streams go, and the last lines of the two."""

    def __init__(self, writer: Callable[[str, Callable[[str], None]], RawWriter]) -> None:
        """`writer` makes the writer of a stream that tells each line to a callable as well."""
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._writers = {
            name: writer(name, self.last_lines.append) for name in ("stdout", "stderr")
        }

    @property
    def streams(self) -> dict[str, Callable[[bytes], None]]:
        """Where each stream's bytes go, by its name."""
        return {name: writer.write for name, writer in self._writers.items()}

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()


class OneOff:
    """A container that runs the pre-deploy command."""

    def __init__(self, containers: DockerContainers, container_id: str) -> None:
        self._containers = containers
        self._id = container_id

    def run(self, output: "Output", timeout_seconds: float, wait: Wait) -> None:
        """Returns when it ended with 0; what it printed went to `output`.

        Raises PreDeployFailed with its code and last lines, or after `timeout_seconds`, and
        Cancelled; in the latter two cases it is killed.
        """
        container = self._container()
        readers = [
            threading.Thread(target=_follow, args=(container, name, write), daemon=True)
            for name, write in output.streams.items()
        ]
        for reader in readers:
            reader.start()
        code = self._exit_code(time.monotonic() + timeout_seconds, timeout_seconds, wait)
        grace = time.monotonic() + LOG_GRACE_SECONDS
        for reader in readers:
            reader.join(max(0.0, grace - time.monotonic()))
        output.close()
        if code:
            tail = " / ".join(line.strip() for line in output.last_lines if line.strip())
            lines = f" Its last lines: {tail[-400:]}" if tail else ""
            raise PreDeployFailed(f"The pre-deploy command ended with code {code}; {_SAID}.{lines}")

    def _exit_code(self, deadline: float, seconds: float, wait: Wait) -> int:
        while True:
            container = self._container()
            state = container.attrs["State"]
            if state["Status"] in ("exited", "dead"):
                if state.get("OOMKilled"):
                    raise PreDeployFailed(
                        f"The pre-deploy command was killed for using too much memory; {_SAID}."
                    )
                return int(state["ExitCode"])
            if time.monotonic() > deadline:
                _kill(container)
                raise PreDeployFailed(
                    f"The pre-deploy command took longer than {seconds:.0f} s and was stopped; "
                    f"{_SAID}."
                )
            if wait(POLL_SECONDS):
                _kill(container)
                raise Cancelled("cancelled while the pre-deploy command ran; it was stopped")

    def _container(self) -> Container:
        try:
            return self._containers.get(self._id)
        except NotFound as error:
            raise PreDeployFailed(
                f"The container of the pre-deploy command is gone; {_SAID}. Deploy again."
            ) from error


def _follow(container: Container, name: str, write: Callable[[bytes], None]) -> None:
    # Attaching would separate the streams too, but never ends for a container that has ended.
    chosen = {"stdout": name == "stdout", "stderr": name == "stderr"}
    try:
        with engine():
            for data in container.logs(stream=True, follow=True, **chosen):
                write(data)
    except (Transient, APIError):
        write(b"(the rest of the output could not be read from the engine)\n")


def _kill(container: Container) -> None:
    try:
        with engine():
            container.kill()
    except (Transient, APIError):  # it ended by itself, or reconcile removes it
        return

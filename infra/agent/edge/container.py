"""Instances that are Docker containers: their state, their sockets, their last lines, their end."""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from infra.agent.edge.sockets import Listener, listeners
from infra.agent.edge.state import ContainerState, RunState
from shared.domain.errors import Transient
from shared.domain.masking import Masker

ENGINE_SECONDS: Final = 10
LAST_LINES: Final = 5
_MB: Final = 1024 * 1024
_PIECE_BYTES: Final = 16 * 1024
"""The engine keeps longer lines in pieces, and counts those where it is asked for lines."""
_SPARE: Final = 64
"""Pieces read beyond the last lines, so that those are whole."""
_PLAIN: Final = re.compile(r"\d{1,5}|true|false|production|development|test|info|debug|")
_SOCKET_TABLES: Final = ["cat", "/proc/net/tcp", "/proc/net/tcp6"]


class DockerContainers:
    """Looks at containers of one engine; safe to use from several threads."""

    def __init__(self, client: docker.DockerClient | None = None) -> None:
        self._known = client
        self._lock = threading.Lock()

    @property
    def _client(self) -> docker.DockerClient:
        # Making a client asks the engine, which may be down when the agent starts.
        with self._lock:
            if self._known is None:
                self._known = docker.from_env(timeout=ENGINE_SECONDS)
            return self._known

    def get(self, container_id: str) -> Container:
        """The container. Raises docker's own NotFound, and Transient for an engine that is down."""
        with engine():
            return self._client.containers.get(container_id)

    def look(self, container_id: str) -> ContainerState:
        """Its state with sockets and last lines. Never raises: UNKNOWN says the engine is down."""
        try:
            container = self.get(container_id)
            return self._seen(container)
        except NotFound:
            return ContainerState(RunState.MISSING)
        except Transient:
            return ContainerState(RunState.UNKNOWN)

    def secrets(self, container_id: str) -> list[str]:
        """The values its output must be masked for; none if it is gone. Raises Transient."""
        try:
            return self._secrets_of(self.get(container_id))
        except NotFound:
            return []

    def deaths(self, stop: threading.Event, connected: Callable[[], None]) -> Iterator[str]:
        """Ids of containers as they end, until `stop`; reconnects when the engine comes back.

        `connected` is called after each connection: what ended before it was not seen.
        """
        while not stop.is_set():
            try:
                with engine():
                    yield from self._stream(stop, connected)
            except Transient:
                stop.wait(1.0)

    def _stream(self, stop: threading.Event, connected: Callable[[], None]) -> Iterator[str]:
        filters = {"type": "container", "event": ["die", "oom", "destroy"]}
        stream = self._client.events(decode=True, filters=filters)
        ended = threading.Event()

        def close_on_stop() -> None:
            while not ended.is_set():
                if stop.wait(1.0):
                    stream.close()
                    return

        threading.Thread(target=close_on_stop, name="deaths-closer", daemon=True).start()
        try:
            connected()
            for event in stream:
                yield str(event.get("id", ""))
        finally:
            ended.set()
            # close() of the stream only shuts its socket down; this gives it back.
            stream._response.close()  # type: ignore[attr-defined] # not in the stubs

    def _seen(self, container: Container) -> ContainerState:
        inspected: dict[str, Any] = container.attrs
        state = inspected["State"]
        running = bool(state["Running"]) and not state.get("Restarting")
        memory = inspected["HostConfig"].get("Memory") or 0
        exited = state["Status"] in ("exited", "dead")
        return ContainerState(
            state=RunState.EXITED if exited else RunState.RUNNING,
            exit_code=state["ExitCode"],
            ended_at=str(state.get("FinishedAt") or "") if exited else "",
            oom=bool(state["OOMKilled"]) and not running,
            restarts=int(inspected.get("RestartCount", 0)),
            memory_mb=memory // _MB or None,
            port=_published(inspected["HostConfig"].get("PortBindings")),
            error=str(state.get("Error") or ""),
            listening=self._listening(container, int(state["Pid"])) if running else None,
            last_lines=self._last_lines(container),
        )

    def _listening(self, container: Container, pid: int) -> tuple[Listener, ...] | None:
        if (table := _tables_of(pid, container.id or "")) is not None:
            return listeners(table)
        try:
            with engine():
                code, output = container.exec_run(_SOCKET_TABLES, demux=False)
        except (Transient, APIError):
            return None
        # cat ends with 1 where the kernel has no IPv6 table, and with 126 or 127 where it is not.
        if code not in (0, 1) or not isinstance(output, bytes) or not output:
            return None
        return listeners(output.decode("ascii", "replace"))

    def _last_lines(self, container: Container) -> tuple[str, ...]:
        try:
            with engine():
                written = container.logs(tail=LAST_LINES + _SPARE)
        except (Transient, APIError):
            return ()
        if not written:
            return ()
        masker = Masker(self._secrets_of(container))
        return tuple(masker.mask(_whole_lines(written)).splitlines()[-LAST_LINES:])

    def _secrets_of(self, container: Container) -> list[str]:
        try:
            with engine():
                image = container.image
        except (Transient, APIError):
            image = None
        inherited = (image.attrs.get("Config") or {}).get("Env") if image else None
        return secret_values(container.attrs["Config"], inherited or ())


def secret_values(config: dict[str, Any], inherited: Iterable[str]) -> list[str]:
    """The secrets in a container's environment.

    A label that ends in `secret-names` lists them; without it every variable counts that neither
    its image nor the platform set, but for values too plain to be one.
    """
    labels: dict[str, str] = config.get("Labels") or {}
    listed = [text for name, text in labels.items() if name.endswith("secret-names")]
    values = []
    for variable in config.get("Env") or ():
        name, _, value = variable.partition("=")
        if listed:
            secret = name in listed[0].split(",")
        else:
            ours = name == "PORT" or name.startswith("C2D_") or variable in inherited
            secret = not ours and not _PLAIN.fullmatch(value)
        if secret:
            values.append(value)
    return values


def _whole_lines(written: bytes) -> str:
    """Without a line whose beginning or end is missing: a secret cut in two is not recognised."""
    lines = written.split(b"\n")[:-1]
    may_be_cut = len(written) >= _SPARE * _PIECE_BYTES
    return b"\n".join(lines[1:] if may_be_cut else lines).decode("utf-8", "replace")


def _published(bindings: dict[str, Any] | None) -> int | None:
    ports = [int(name.partition("/")[0]) for name in bindings or {}]
    return ports[0] if len(ports) == 1 else None


def _tables_of(pid: int, container_id: str) -> str | None:
    """The socket tables of a process, if it can be read and really is the container's."""
    process = Path("/proc") / str(pid)
    try:
        if pid <= 0 or container_id not in (process / "cgroup").read_text():
            return None
        tables = [(process / "net" / name) for name in ("tcp", "tcp6")]
        return "\n".join(table.read_text() for table in tables if table.exists())
    except OSError:
        return None


@contextmanager
def engine() -> Iterator[None]:
    """Translates the Docker SDK's failures into Transient; NotFound and APIError pass."""
    try:
        yield
    except APIError as error:
        if not error.is_server_error():
            raise
        raise Transient(f"the Docker engine failed: {error.explanation or error}") from error
    except (
        DockerException,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        raise Transient("the Docker engine does not answer; is it running?") from error

"""The Docker engine of this machine: find it, start it, or say what to do."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from infra.local.components import Component, inherited_environment
from infra.local.errors import RefusedError

_CONTROLLERS = ("cpu", "memory", "pids", "devices", "freezer", "cpuset")
START_SECONDS = 60


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over the engine's Unix socket."""

    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def probe(path: Path, seconds: float = 5) -> str | None:
    """None when the engine answers on its socket, else why not."""
    connection = _SocketConnection(path, seconds)
    try:
        connection.request("GET", "/_ping")
        response = connection.getresponse()
        response.read()
    except PermissionError:
        return f"{path} may not be opened by this user"
    except (OSError, http.client.HTTPException) as error:
        return f"{path}: {error}"
    finally:
        connection.close()
    return None if response.status == 200 else f"{path} answers {response.status}"


def docker_program() -> str:
    """The docker command that can build: the distribution's own, else the first on the PATH."""
    chosen = os.environ.get("C2D_DOCKER")
    if chosen:
        return chosen
    if Path("/usr/bin/docker").exists():
        return "/usr/bin/docker"
    found = shutil.which("docker")
    if found is None:
        raise RefusedError("The command docker is missing; run `make install`.")
    return found


def foreign_engine() -> int | None:
    """The process of an engine in our network namespace, which a second one would break."""
    ours = Path("/proc/self/ns/net").readlink()
    for entry in Path("/proc").iterdir():
        try:
            if (entry / "comm").read_text().strip() != "dockerd":
                continue
            if (entry / "ns/net").readlink() == ours:
                return int(entry.name)
        except (OSError, ValueError):
            continue
    return None


def missing_for_engine(root: Path = Path("/")) -> list[str]:
    """What an engine needs of the kernel's file systems and does not find here (a bare chroot)."""
    lacks = []
    if not (root / "proc/self/mounts").exists():
        lacks.append("/proc is not mounted (mount -t proc proc /proc)")
    if not (root / "sys/class/net").exists():
        lacks.append("/sys is not mounted (mount -t sysfs sys /sys)")
    if not (root / "dev/null").exists():
        lacks.append("/dev has no devices (mount --bind /dev from outside)")
    groups = root / "sys/fs/cgroup"
    if (groups / "cgroup.controllers").exists():
        return lacks
    absent = [name for name in _CONTROLLERS if not (groups / name).is_dir()]
    if absent:
        lacks.append(
            f"/sys/fs/cgroup has neither cgroup v2 nor the v1 controllers {', '.join(absent)} "
            "(mount -t cgroup2 cgroup2 /sys/fs/cgroup, or bind-mount the host's)"
        )
    return lacks


def systemd_runs() -> bool:
    """Whether systemd is the machine's first process, the test that systemd itself documents."""
    return Path("/run/systemd/system").is_dir()


def ensure_engine(path: Path) -> Component | None:
    """Make sure an engine answers or can be started.

    None when one answers (also after asking systemd for it); a component when the supervisor has
    to run one by hand. Raises RefusedError with what to do when neither is possible.
    """
    reason = probe(path)
    if reason is None:
        return None
    if os.geteuid() != 0:
        raise RefusedError(_advice_for_user(path, reason))
    if systemd_runs():
        subprocess.run(["systemctl", "start", "docker"], check=False, timeout=120)
        wait_for_engine(path, START_SECONDS)
        return None
    other = foreign_engine()
    if other is not None:
        raise RefusedError(
            f"A Docker engine (process {other}) runs in this network namespace but does not "
            f"answer at {path}. A second one would take down its bridges: set DOCKER_HOST to its "
            "socket, or stop it."
        )
    lacks = missing_for_engine()
    if lacks:
        raise RefusedError("The Docker engine cannot run here: " + "; ".join(lacks) + ".")
    return engine_component(path)


def _advice_for_user(path: Path, reason: str) -> str:
    if "may not be opened" in reason:
        return (
            f"The Docker engine runs, but this user may not use it ({path}). "
            "Run: sudo usermod -aG docker $USER, then log in again."
        )
    start = "sudo systemctl enable --now docker" if systemd_runs() else "sudo dockerd &"
    return f"The Docker engine does not answer ({reason}). Run: {start}"


def engine_component(path: Path) -> Component:
    """An engine run by the supervisor where no systemd does; services outlive its restarts."""

    def prepare() -> None:
        other = foreign_engine()
        if other is not None:
            raise RefusedError(f"another Docker engine runs here already (process {other})")

    return Component(
        name="dockerd",
        argv=("dockerd", "--host", f"unix://{path}", "--live-restore", "--log-level", "warn"),
        environment=inherited_environment(),
        ready=lambda: probe(path, 2),
        prepare=prepare,
        ready_seconds=START_SECONDS,
        grace_seconds=60,
        stop_signal=signal.SIGTERM,
        survives=True,
        sweeps=False,  # its children are the services' own shims
    )


def wait_for_engine(path: Path, seconds: float) -> None:
    """Poll until the engine answers. Raises RefusedError with the last reason."""
    deadline = time.monotonic() + seconds
    while (reason := probe(path)) is not None:
        if time.monotonic() > deadline:
            raise RefusedError(f"The Docker engine did not come up in {seconds:.0f} s: {reason}.")
        time.sleep(0.2)


def docker(
    *arguments: str, seconds: float = 60, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the docker command; the caller reads the exit code. Raises RefusedError if it hangs."""
    try:
        return subprocess.run(
            [docker_program(), *arguments],
            input=stdin,
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**os.environ, "DOCKER_BUILDKIT": "1"},
        )
    except subprocess.TimeoutExpired:
        raise RefusedError(f"docker {arguments[0]} did not end in {seconds:.0f} s.") from None

"""A whole platform of a test's own: the real components, kept by the real keepers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg

from infra.local import keeper as keeping
from infra.local.assembly import assemble
from infra.local.components import Component
from infra.local.keeper import Keeper, Phase
from infra.local.settings import read_settings
from infra.local.state import State, create_state
from tests.e2e.client import Client

HOOKS = Path(__file__).parent / "hooks"
ROOT = Path(__file__).parents[2]
SECONDS = 90.0
_HELD: list[socket.socket] = []


def slot_base() -> str:
    """A range of loopback addresses of our own, held against other runs on this machine."""
    for number in range(127, 70, -1):
        mark = socket.socket()
        try:
            mark.bind((f"127.{number}.255.254", 17081))
        except OSError:
            mark.close()
            continue
        _HELD.append(mark)
        if all(_is_free(f"127.{number}.0.{last}", 17080) for last in range(256)):
            return f"127.{number}.0.0"
    raise AssertionError("every range of addresses is taken by another run")


def _is_free(address: str, port: int) -> bool:
    """Whether nothing is published there, a container that a killed run left included."""
    with socket.socket() as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(look: Callable[[], Any], what: str, seconds: float = SECONDS) -> Any:
    """The first true thing `look` sees. Fails, saying what was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s; last: {seen!r}")
        time.sleep(0.05)


@dataclass
class Standing:
    phase: Phase
    pid: int | None
    reason: str | None = None
    lives: int = 0


class Platform:
    """`with Platform(folder) as platform:` is ready and takes deployments."""

    def __init__(self, home: Path, environment: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.api_port, self.http_port = free_port(), free_port()
        self.environment = {
            "C2D_HOME": str(home),
            "PORT": str(self.api_port),
            "C2D_HTTP_PORT": str(self.http_port),
            "C2D_SLOT_BASE": slot_base(),
            "C2D_AGENT_POLL_SECONDS": "5",
            **(environment or {}),
        }
        self._standing: dict[str, Standing] = {}
        self._changes = threading.Condition()
        self._keepers: dict[str, Keeper] = {}

    def __enter__(self) -> "Platform":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.remove_containers()

    def start(self, **more: str) -> None:
        """Start every component; `more` is added to the platform's own environment."""
        environment = {**self.environment, **more}
        with patch.dict(os.environ, environment):
            settings = read_settings(os.environ)
            state = State(settings.home)
            create_state(state, settings.api_url)
            components = assemble(settings, state)
        keeping.LONGEST_PAUSE = keeping.FIRST_PAUSE  # tests kill often: no backoff between lives
        before: Keeper | None = None
        for component in components:
            hooked = self._hooked(component, environment)
            # keepers sweep what bears their mark: another run's processes must not
            keeper = Keeper(hooked, self.home, f"e2e:{self.home}", self, before)
            self._keepers[component.name] = before = keeper
            keeper.start()
        for name in self._keepers:
            self.wait_ready(name)
        token = json.loads(state.credentials.read_text())["token"]
        self.client = Client(settings.api_url, self.http_port, token)
        until(self.client.has_agent, "an agent with both roles")

    def _hooked(self, component: Component, environment: Mapping[str, str]) -> Component:
        if component.name != "platform":
            return component
        path = os.pathsep.join([str(HOOKS), str(ROOT)])
        hooks = {k: v for k, v in environment.items() if k.startswith("C2D_TEST")}
        return replace(
            component, environment={**component.environment, "PYTHONPATH": path, **hooks}
        )

    def stop(self) -> None:
        self.client.close()
        for keeper in reversed(self._keepers.values()):
            keeper.stop()  # one by one, as the supervisor does: an agent needs its platform to end
            assert keeper.join(60)
        self._keepers.clear()

    def changed(self, name: str, phase: Phase, pid: int | None, reason: str | None) -> None:
        """What the keepers tell."""
        with self._changes:
            lives = self._standing[name].lives if name in self._standing else 0
            ready = phase in {Phase.READY, Phase.FINISHED}
            self._standing[name] = Standing(phase, pid, reason, lives + ready)
            self._changes.notify_all()

    def wait_ready(self, name: str, life: int = 1) -> None:
        """Until a component is in (at least) its `life`-th life and ready."""

        def ready() -> bool:
            s = self._standing.get(name)
            return bool(s and s.lives >= life and s.phase in {Phase.READY, Phase.FINISHED})

        with self._changes:
            assert self._changes.wait_for(ready, SECONDS), f"{name}: {self._standing.get(name)}"

    def lives(self, name: str) -> int:
        return self._standing[name].lives

    def restart(self, name: str) -> None:
        """What an upgrade does: the component finishes its work and is started anew."""
        assert self._keepers[name].restart(SECONDS), self._standing[name]

    def pid(self, name: str) -> int:
        pid = self._standing[name].pid
        assert pid is not None, self._standing[name]
        return pid

    def kill(self, name: str) -> None:
        """SIGKILL; its keeper starts it again."""
        os.kill(self.pid(name), signal.SIGKILL)

    def kill_and_wait(self, name: str) -> None:
        life = self.lives(name)
        self.kill(name)
        self.wait_ready(name, life + 1)

    def containers(self, *filters: str, every: bool = True) -> list[str]:
        """Ids of this platform's containers."""
        argv = ["ps", "-q", "--no-trunc", *(["-a"] if every else [])]
        label = f"label=c2d.platform={self.platform_id}"
        return docker(*argv, "--filter", label, *filters).split()

    @property
    def platform_id(self) -> str:
        return (self.home / "platform-id").read_text().strip()

    def remove_containers(self) -> None:
        for kind in (["ps", "-aq"], ["network", "ls", "-q"]):
            label = f"label=c2d.platform={self.platform_id}"
            found = docker(*kind, "--filter", label).split()
            remove = ["rm", "-f"] if kind[0] == "ps" else ["network", "rm"]
            if found:
                docker(*remove, *found)

    @property
    def database_url(self) -> str:
        return f"postgresql://c2d@/click_to_deploy?host={self.home / 'socket'}&port=5432"

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the platform's database answers."""
        with psycopg.connect(self.database_url, connect_timeout=10) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def log(self, name: str) -> str:
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace")


def docker(*arguments: str) -> str:
    program = shutil.which("docker", path="/usr/bin:/usr/local/bin") or "docker"
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout

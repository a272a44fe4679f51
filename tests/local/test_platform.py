"""The real platform from `up` to `down`: what is killed returns, what is saved comes back."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.local import processes
from infra.local.processes import Identity
from infra.local.state import State
from tests.local.harness import PROJECT, eventually

pytestmark = [pytest.mark.docker, pytest.mark.postgres, pytest.mark.slow]
PARTS = ("postgres", "platform", "caddy", "agent")


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Machine:
    """The commands of `python -m infra.local` on a state folder and ports of its own."""

    def __init__(self, home: Path) -> None:
        api, http, git, host = free_ports(4)
        self.state = State(home)
        self.url = f"http://127.0.0.1:{api}/v1/click-deploy"
        self.environment = {
            **os.environ,
            "C2D_HOME": str(home),
            "PORT": str(api),
            "C2D_HTTP_PORT": str(http),
            "C2D_DEMO_GIT_PORT": str(git),
            "C2D_HOST_PORT": str(host),
        }

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "infra.local", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def do(self, *arguments: str) -> str:
        done = self.command(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def identity(self, name: str) -> Identity | None:
        return processes.recorded(self.state.run / f"{name}.pid")

    def identities(self) -> dict[str, Identity | None]:
        return {name: self.identity(name) for name in (*PARTS, "supervisor")}

    def await_ready(self) -> None:
        eventually(lambda: self.command("status").returncode == 0, "everything is ready", 60)

    def call(self, path: str, body: dict[str, str] | None = None) -> dict[str, object]:
        token = json.loads(self.state.credentials.read_text())["token"]
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=20) as response:
            answer = json.load(response)
        assert isinstance(answer, dict)
        return answer

    def left(self) -> list[Identity]:
        mark = self.state.platform_id.read_text().strip()
        return [one for name in PARTS for one in processes.marked(f"{name}:{mark}")]


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    home = Path(tempfile.mkdtemp(prefix="c2d-"))
    machine = Machine(home)
    machine.do("up")
    yield machine
    machine.do("down", "--services")
    shutil.rmtree(home)


def test_up_on_a_running_platform_changes_nothing(machine: Machine) -> None:
    before = machine.identities()
    assert None not in before.values()
    machine.do("up")
    assert machine.identities() == before


def test_settings_are_remembered_by_later_commands(machine: Machine) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.local", "status"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "C2D_HOME": str(machine.state.home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_everything_killed_at_once_returns(machine: Machine) -> None:
    before = machine.identities()
    for name in PARTS:
        identity = machine.identity(name)
        assert identity is not None
        identity.send(signal.SIGKILL)
    eventually(
        lambda: all(machine.identity(name) not in (None, before[name]) for name in PARTS),
        "each has a new process",
        60,
    )
    machine.await_ready()
    assert machine.identity("supervisor") == before["supervisor"]


def test_after_a_kill_of_the_supervisor_up_adopts_what_runs(machine: Machine) -> None:
    before = machine.identities()
    supervisor = before.pop("supervisor")
    assert supervisor is not None
    supervisor.send(signal.SIGKILL)
    assert supervisor.wait(10)
    machine.do("up")
    after = machine.identities()
    assert after.pop("supervisor") not in (None, supervisor)
    assert after == before


def test_an_upgrade_restarts_the_platform_and_the_agent_but_not_the_router_or_the_database(
    machine: Machine,
) -> None:
    before = machine.identities()
    machine.do("upgrade")
    after = machine.identities()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"platform", "agent"}
    machine.await_ready()


def test_a_backup_restored_over_the_platform_brings_its_projects_back(
    machine: Machine, tmp_path: Path
) -> None:
    project = machine.call("/projects", {"name": "Kept"})
    machine.do("backup", str(tmp_path / "saved"))
    later = machine.call("/projects", {"name": "Too late"})
    machine.do("down")
    machine.do("restore", str(tmp_path / "saved"), "--force")
    machine.do("up")
    items = machine.call("/projects")["items"]
    assert isinstance(items, list)
    ids = {one["id"] for one in items}
    assert project["id"] in ids
    assert later["id"] not in ids


def test_the_platforms_own_ports_are_on_loopback_only(machine: Machine) -> None:
    places = {
        name: {
            one.laddr.ip
            for one in psutil.Process(identity.pid).net_connections(kind="inet")
            if one.status == psutil.CONN_LISTEN
        }
        for name, identity in machine.identities().items()
        if identity is not None
    }
    router = places.pop("caddy")
    assert places == {
        "postgres": set(),
        "platform": {"127.0.0.1"},
        "agent": set(),
        "supervisor": set(),
    }
    assert router == {"::"}


def test_a_port_of_another_program_is_named_with_the_setting_that_helps() -> None:
    home = Path(tempfile.mkdtemp(prefix="c2d-"))
    other = Machine(home)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(other.environment["C2D_HTTP_PORT"])))
        taken.listen()
        done = other.command("up")
    assert done.returncode == 1
    assert "C2D_HTTP_PORT=" in done.stderr
    assert other.identities() == dict.fromkeys((*PARTS, "supervisor"))
    shutil.rmtree(home)


def test_down_leaves_no_process_and_up_starts_again(machine: Machine) -> None:
    machine.do("down")
    assert machine.left() == []
    assert machine.command("status").returncode == 1
    machine.do("up")
    machine.await_ready()

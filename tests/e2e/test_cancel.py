"""A deployment is cancelled in every state, and an agent is killed while it builds.

The deployment ends with its reason, what worked for it is gone within seconds, nothing is left
behind, the old version serves, and the next deployment works.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.apps import Repository, app
from tests.e2e.client import Client
from tests.e2e.conftest import Repositories, short_folder
from tests.e2e.platform import Platform, docker, until
from tests.e2e.processes import build_clients, command_lines, parent, running

pytestmark = pytest.mark.docker

BUILDER_SECONDS = 5.0
HEARTBEAT_SECONDS = 6
PATIENCE = 6.0
"""What ending a deployment may take on a busy machine, beyond its limit. Seconds."""
HANGS_BEHIND_A_PROXY = """
_read = asyncio.StreamReader.readuntil

async def read(self, separator=b"\\n"):
    head = await _read(self, separator)
    if b"x-forwarded-for" in head.lower():
        await asyncio.sleep(60)
    return head

asyncio.StreamReader.readuntil = read
"""


@pytest.fixture(scope="module")
def one_build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    settings = {
        "C2D_AGENT_BUILDS": "1",
        "C2D_AGENT_NAME": f"cancel-{os.getpid()}",
        "C2D_TIMEOUT_HEARTBEAT": str(HEARTBEAT_SECONDS),
        "C2D_TIMEOUT_NO_AGENT": "30",
    }
    with Platform(short_folder(tmp_path_factory), settings) as platform:
        yield platform


@dataclass
class Scene:
    """A service whose version `base` serves, and what a state needs to be reached and held."""

    platform: Platform
    code: Repository
    service: dict[str, Any]
    stack: ExitStack
    mark: str = field(default_factory=lambda: uuid4().hex)
    """In the command of whatever runs for the deployment that is cancelled."""

    @property
    def client(self) -> Client:
        return self.platform.client

    def change(self, **settings: Any) -> None:
        self.client.call("PATCH", f"/services/{self.service['id']}", json=settings)

    def deploy(self) -> str:
        return self.client.deploy(self.service["id"])

    def deploy_slowly(self) -> str:
        """A deployment whose build step runs until somebody stops it."""
        self.code.app("slow", build=f"RUN sleep 3000 && echo {self.mark}")
        deployment = self.deploy()
        until(lambda: running(self.mark), "the build step")
        return deployment

    def step(self, deployment: str, name: str) -> None:
        until(lambda: self._runs(deployment, name), f"{name} to run")

    def _runs(self, deployment: str, name: str) -> bool:
        return bool(self.client.steps(deployment).get(name, {}).get("outcome") == "running")


def waiting_in_line(scene: Scene) -> str:
    scene.change(overlap="queue")
    first = scene.deploy_slowly()
    scene.stack.callback(end, scene.client, first)
    second = scene.deploy()
    until(lambda: scene.client.deployment(second)["state"] == "waiting", "its place in the line")
    scene.mark = uuid4().hex  # what runs is the first one's, and runs on
    return second


def queued_for_a_builder(scene: Scene) -> str:
    other = scene.client.service(scene.service["project_id"], "other", scene.code.url)
    scene.code.app("other", build=f"RUN sleep 3000 && echo {scene.mark}")
    first = scene.client.deploy(other["id"])
    scene.stack.callback(end, scene.client, first)
    until(lambda: running(scene.mark), "the other service's build")
    scene.mark = uuid4().hex
    deployment = scene.deploy()
    scene.step(deployment, "Build")
    return deployment


def cloning(scene: Scene) -> str:
    silent = scene.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    scene.mark = f"127.0.0.1:{silent.getsockname()[1]}/silent"
    scene.change(source={"repository_url": f"git://{scene.mark}"})
    deployment = scene.deploy()
    until(lambda: running(scene.mark), "git")
    return deployment


def building(scene: Scene) -> str:
    return scene.deploy_slowly()


def pre_deploy(scene: Scene) -> str:
    scene.change(run={"pre_deploy_command": f"sleep 3000 && echo {scene.mark}"})
    deployment = scene.deploy()
    until(lambda: running(scene.mark), "the pre-deploy command")
    return deployment


def health_gate(scene: Scene) -> str:
    scene.change(run={"start_command": f"sleep 3000 && echo {scene.mark}"})
    deployment = scene.deploy()
    until(lambda: running(scene.mark), "the app that never listens")
    scene.step(deployment, "HealthGate")
    return deployment


def after_the_switch(scene: Scene) -> str:
    scene.code.commit(app("new", before=HANGS_BEHIND_A_PROXY))
    scene.change(run={"start_command": f"python3 -u /app.py {scene.mark}"})
    deployment = scene.deploy()
    scene.step(deployment, "VerifyPublic")
    return deployment


STATES = (
    waiting_in_line,
    queued_for_a_builder,
    cloning,
    building,
    pre_deploy,
    health_gate,
    after_the_switch,
)


@pytest.mark.parametrize("reach", STATES, ids=lambda state: state.__name__)
def test_cancelled_in_a_state_it_leaves_nothing_and_the_old_version_serves(
    one_build: Platform, repository: Repositories, reach: Callable[[Scene], str]
) -> None:
    with scene_of(one_build, repository, reach.__name__.replace("_", "-")) as scene:
        client = scene.client
        deployment = reach(scene)
        client.call("POST", f"/deployments/{deployment}/cancel")
        accepted = time.monotonic()
        if reach in (cloning, building):
            until(lambda: not running(scene.mark), "the end of the build step", BUILDER_SECONDS)
            left = BUILDER_SECONDS - (time.monotonic() - accepted)
            until(lambda: not clients(one_build), "the end of the build client", left)
        done = client.ended(deployment, BUILDER_SECONDS + PATIENCE)
        assert (done["state"], done["error"]) == ("cancelled", "Cancelled"), done["reason"]
        assert "cancelled" in done["reason"]
        assert not running(scene.mark)
        assert client.get(scene.service).text == "base"
        scene.stack.close()
        assert_nothing_is_left(one_build, scene.service["id"])
        scene.change(
            overlap="latest_wins",
            run={"pre_deploy_command": None, "start_command": None},
            source={"repository_url": scene.code.url},
        )
        scene.code.app("next")
        client.live(scene.service["id"])
        assert client.get(scene.service).text == "next"


def test_what_has_ended_cannot_be_cancelled(one_build: Platform, repository: Repositories) -> None:
    with scene_of(one_build, repository, "ended") as scene:
        [done] = scene.client.call("GET", f"/services/{scene.service['id']}/deployments")["items"]
        answer = scene.client.http.post(f"/deployments/{done['id']}/cancel")
        assert answer.status_code == 409
        assert "live" in answer.json()["detail"]


def test_an_agent_killed_in_a_build_fails_it_in_time_and_the_waiting_one_runs(
    one_build: Platform, repository: Repositories
) -> None:
    with scene_of(one_build, repository, "agent-killed") as scene:
        client = scene.client
        first = scene.deploy_slowly()
        scene.code.app("next")
        second = scene.deploy()
        life = one_build.lives("agent")
        one_build.kill("agent")
        killed = time.monotonic()
        until(lambda: not running(scene.mark), "the end of its build step", BUILDER_SECONDS)
        done = client.ended(first, HEARTBEAT_SECONDS + PATIENCE)
        assert time.monotonic() - killed > HEARTBEAT_SECONDS - 3, "the limit was not waited for"
        assert (done["state"], done["error"]) == ("failed", "AgentLost")
        assert "stopped answering" in done["reason"]
        assert client.ended(second)["state"] == "live"
        assert client.get(scene.service).text == "next"
        one_build.wait_ready("agent", life + 1)
        assert_nothing_is_left(one_build, scene.service["id"], instances=2)


@contextmanager
def scene_of(platform: Platform, repository: Repositories, name: str) -> Iterator[Scene]:
    client, code = platform.client, repository(f"cancel-{name}")
    code.app("base")
    project = client.project(f"cancel-{name}")
    service = client.service(project, "web", code.url, health={"timeout_seconds": 120})
    client.live(service["id"])
    with ExitStack() as stack:
        yield Scene(platform, code, service, stack)
    client.call("DELETE", f"/projects/{project}")


def end(client: Client, deployment: str) -> None:
    client.call("POST", f"/deployments/{deployment}/cancel")
    assert client.ended(deployment)["state"] == "cancelled"


def clients(platform: Platform) -> list[int]:
    """What the agent has started of git and build clients, and still runs."""
    agent = platform.pid("agent")
    programs = (b"git\0", b"/git\0")
    gits = [pid for pid, line in command_lines() if line.startswith(programs)]
    return build_clients(agent) + [pid for pid in gits if parent(pid) == agent]


def assert_nothing_is_left(platform: Platform, service: str, instances: int = 1) -> None:
    """Of a service's ended deployments only what serves, or is kept warm on purpose."""
    mine = ["--filter", f"label=c2d.service={service}"]
    until(lambda: len(platform.containers(*mine)) == instances, "the end of the containers", 5)
    held = "select count(*) from leases where service_id = %s and holder is not null"
    line = "select count(*) from lease_waiters where service_id = %s"
    jobs = "select count(*) from jobs where service_id = %s and state in ('queued', 'running')"
    left = (
        "select count(*) from resources where service_id = %s and state <> 'removed'"
        " and kind in ('instance', 'one_off')"
    )
    for query, wanted in ((held, 0), (line, 0), (jobs, 0), (left, instances)):
        until(lambda q=query, w=wanted: platform.rows(q, service) == [(w,)], query, 5)
    images = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"c2d/{service}").split()
    served = platform.rows("select image_tag from releases where service_id = %s", service)
    assert {tag for (tag,) in served} >= set(images), "an image nobody released"
    work = [*platform.home.glob("agent/*/run-*/job-*")]
    name = platform.environment["C2D_AGENT_NAME"]
    vault = Path(f"/dev/shm/click-to-deploy-{os.geteuid()}") / name
    assert not [*work, *vault.glob("run-*/job-*")], "files of a build"

"""SIGKILL of the platform, the agent and Postgres at every state of a deployment."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.e2e.apps import Repository
from tests.e2e.conftest import Repositories, short_folder
from tests.e2e.platform import Platform, until

pytestmark = pytest.mark.docker

FUNCTIONS = (
    "deploy.acquire_lease",
    "deploy.build",
    "deploy.create_release",
    "release.create_instance",
    "release.start_app",
    "release.health_gate",
    "release.switch_route",
    "release.verify_public",
    "deploy.mark_live",
    "deploy.drain",
    "deploy.retire_old",
)
WAITING = ("deploy.build", "release.health_gate", "release.switch_route", "release.verify_public")
SHORT = {"C2D_TIMEOUT_HEARTBEAT": "6", "C2D_TIMEOUT_NO_AGENT": "30"}


@pytest.fixture(scope="module")
def code(repository: Repositories) -> Repository:
    return repository("kills")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, Path]]:
    """A platform whose own process dies where the file says, once."""
    order = tmp_path_factory.mktemp("order") / "kill"
    folder = short_folder(tmp_path_factory)
    with Platform(folder, {"C2D_TEST_KILL": str(order), **SHORT}) as platform:
        yield platform, order


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_platform_killed_in_a_state_goes_on_and_does_nothing_twice(
    killed: tuple[Platform, Path], code: Repository, function: str, moment: str
) -> None:
    platform, order = killed
    client, life = platform.client, platform.lives("platform")
    name = f"{function}-{moment}".replace(".", "-").replace("_", "-")
    code.app(name)
    service = client.service(client.project(name), "web", code.url)
    order.write_text(f"{function}:{moment} 0")
    done = client.ended(client.deploy(service["id"]))
    assert done["state"] == "live", (done["reason"], client.steps(done["id"]))
    platform.wait_ready("platform", life + 1)
    until(lambda: client.steps(done["id"]).get("RetireOld", {}).get("ended_at"), "the end")
    assert client.get(service).text == name
    assert len(platform.containers("--filter", f"label=c2d.service={service['id']}")) == 1
    builds = client.log(done["id"]).count("Cloned ")
    assert builds == 1
    client.call("DELETE", f"/services/{service['id']}")


@pytest.mark.parametrize("function", WAITING)
@pytest.mark.parametrize("what", ["agent", "postgres"])
def test_a_part_killed_in_a_state_ends_truthfully(
    killed: tuple[Platform, Path], code: Repository, what: str, function: str
) -> None:
    platform, order = killed
    client, life = platform.client, platform.lives(what)
    name = f"{what}-{function}".replace(".", "-").replace("_", "-")
    code.app(f"old-{name}")
    service = client.service(client.project(name), "web", code.url)
    client.live(service["id"])
    code.app(f"new-{name}", build=f"RUN sleep 5 && echo {uuid4()}")
    if function == "deploy.build" and what == "agent":
        deployment = client.deploy(service["id"])
        until(lambda: "sleep 5" in client.log(deployment), "the build to run")
        platform.kill(what)
    else:
        order.write_text(f"{function}:after {platform.pid(what)}")
        deployment = client.deploy(service["id"])
    platform.wait_ready(what, life + 1)
    done = client.ended(deployment)
    if function == "deploy.build" and what == "agent":
        assert done["state"] == "failed"
        assert "stopped answering during Build" in done["reason"], done["reason"]
    else:
        assert done["state"] == "live", (done["reason"], client.steps(deployment))
    expected = {"live": f"new-{name}", "failed": f"old-{name}"}
    assert client.get(service).text == expected[done["state"]]
    leftovers = platform.containers("--filter", f"label=c2d.service={service['id']}")
    assert len(leftovers) == (2 if done["state"] == "live" else 1)
    code.app(f"next-{name}")
    client.live(service["id"])
    assert client.get(service).text == f"next-{name}"
    client.call("DELETE", f"/services/{service['id']}")

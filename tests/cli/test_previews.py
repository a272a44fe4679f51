"""`c2d previews` against the platform's own endpoints."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.http import deps
from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform
from tests.cli.served import served
from tests.usecases.git_world import Connected
from tests.usecases.requests import CLOSED, FIRST, FORK, OPENED, SECOND, Requests
from tests.usecases.world import ORGANIZATION, World


@pytest.fixture
def requests() -> Requests:
    return Requests(Connected(World()))


@pytest.fixture
def platform(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlatform]:
    """The platform's own routers on a real socket, over the world of the requests."""
    world = requests.world
    ports = {deps.workflows: lambda: world.workflows, deps.vault: lambda: world.vault}
    with served(world.store, ORGANIZATION, ports, monkeypatch) as platform:
        yield platform


def test_the_list_shows_open_previews_and_all_on_request(c2d: Cli, requests: Requests) -> None:
    assert "No request of shop/web has a preview" in c2d("previews", "list", "web").stderr
    requests.on(OPENED)
    requests.on(replace(FORK, number=8))
    requests.on(CLOSED)
    shown = c2d.ok("previews", "list", "web")
    assert "#8" in shown
    assert "awaiting approval" in shown
    assert "#7" not in shown
    assert "request 7 was closed" in c2d.ok("previews", "list", "web", "--all")
    listed = c2d.json("previews", "list", "shop/web", "--all")["items"]
    assert [p["number"] for p in listed] == [8, 7]


def test_a_fork_is_approved_with_the_commit_in_sight(c2d: Cli, requests: Requests) -> None:
    requests.on(FORK)
    unsure = c2d("previews", "approve", "web", "7", "--yes")
    assert unsure.exit_code != 0
    assert f"--sha {FIRST} --yes" in unsure.stderr
    other = c2d("previews", "approve", "web", "7", "--sha", SECOND, "--yes")
    assert other.exit_code == 1
    assert FIRST in other.stderr
    said = c2d("previews", "approve", "web", "7", "--sha", FIRST, "--yes")
    assert said.stdout == "http://web-pr-7-shop.localhost:7080\n"
    [deployment] = requests.deployments()
    assert f"c2d status {deployment.id}" in said.stderr


def test_a_preview_is_taken_down_after_saying_what_goes(c2d: Cli, requests: Requests) -> None:
    c2d.ok("services", "set", "web", "--no-previews")
    assert requests.on(OPENED)[1] == "previews are off for this service"
    c2d.ok("services", "set", "web", "--previews")
    requests.on(OPENED)
    assert "service web #7" in c2d("previews", "delete", "web", "7", "--dry-run").stderr
    assert requests.services()["web-pr-7"] == "new"
    assert c2d("previews", "delete", "web", "7", "--yes").exit_code == 0
    assert requests.services()["web-pr-7"] == "deleting"
    missing = c2d("previews", "delete", "web", "9", "--yes")
    assert missing.exit_code == 1
    assert "c2d previews list shop/web" in missing.stderr

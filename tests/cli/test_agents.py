"""`c2d agents` against the platform's own endpoints: tokens made, used, revoked; the queue."""

from collections.abc import Iterator
from uuid import uuid4

import httpx
import pytest

from shared.domain.access import LOCAL_ORGANIZATION
from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform
from tests.cli.served import served
from tests.fakes.store import FakeStore

pytestmark = pytest.mark.enable_socket


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePlatform]:
    with served(FakeStore(), LOCAL_ORGANIZATION, {}, monkeypatch) as serving:
        yield serving


def claim(platform: FakePlatform, token: str, role: str) -> int:
    return httpx.post(
        f"{platform.url}/v1/click-deploy/agent/jobs/claim",
        json={"agent": "b-1", "roles": [role], "capacity": 2},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
    ).status_code


def test_a_token_lets_an_agent_in_until_it_is_revoked(c2d: Cli, platform: FakePlatform) -> None:
    text = c2d.ok("agents", "tokens", "create", "builders", "--role", "build").strip()
    assert text.startswith("c2da_")
    assert claim(platform, text, "build") == 200
    assert claim(platform, text, "edge") == 403
    [agent] = c2d.json("agents")["items"]
    assert (agent["name"], agent["token"]) == ("b-1", "builders")
    assert "builders" in c2d.ok("agents")
    [listed] = c2d.json("agents", "tokens", "list")["items"]
    assert text.startswith(listed["hint"])
    assert listed["last_used_at"]
    c2d.ok("agents", "tokens", "revoke", "builders", "--yes")
    assert claim(platform, text, "build") == 401
    assert c2d.json("agents", "tokens", "list")["items"] == []
    assert len(c2d.json("agents", "tokens", "list", "--all")["items"]) == 1
    assert "no registration token" in c2d("agents", "tokens", "revoke", "builders", "-y").stderr


def test_builders_of_one_organisation_are_named_so(c2d: Cli) -> None:
    mine = str(uuid4())
    c2d.ok("agents", "tokens", "create", "own", "--role", "build", "--organization", mine)
    assert mine in c2d.ok("agents", "tokens", "list")
    refused = c2d("agents", "tokens", "create", "x", "--role", "edge", "--organization", mine)
    assert refused.exit_code == 1
    assert "only builds" in refused.stderr


def test_the_queue_and_an_agent_that_is_forgotten(c2d: Cli, platform: FakePlatform) -> None:
    text = c2d.ok("agents", "tokens", "create", "builders", "--role", "build").strip()
    claim(platform, text, "build")
    build, edge = c2d.json("agents", "queue")["items"]
    assert (build["queued"], build["capacity"], edge["agents"]) == (0, 2, 0)
    assert "build" in c2d.ok("agents", "queue")
    c2d.ok("agents", "forget", "b-1", "--yes")
    assert c2d.json("agents")["items"] == []
    assert c2d("agents", "forget", "b-1", "--yes").exit_code == 1

"""Connecting an account from a terminal, and importing a repository of it."""

import threading

import httpx
import pytest

from shared import bootstrap
from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform
from tests.cli.test_real_endpoints import engine, platform
from tests.e2e.platform import until
from tests.fakes.git_provider import FakeProvider

__all__ = ["engine", "platform"]
pytestmark = pytest.mark.usefixtures("platform")


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    made = FakeProvider()
    made.add("acme/shop")
    made.add("acme/api", can_administer=False)
    made.files["package.json"] = b'{"scripts": {"start": "node ."}}'
    monkeypatch.setattr(bootstrap, "git_provider", made.of)
    return made


def agree(platform: FakePlatform, provider: FakeProvider, **more: str) -> httpx.Response:
    """The person at the consent page, whose browser then comes back to the platform."""
    until(lambda: bool(provider.asked), "the consent page")
    state, challenge = provider.asked.pop()
    given = {"state": state, "code": provider.agree(challenge), **more}
    url = f"{platform.url}/git/callback/github"
    return httpx.get(url, params=given, follow_redirects=True, timeout=20, trust_env=False)


@pytest.fixture
def connected(c2d: Cli, platform: FakePlatform, provider: FakeProvider) -> str:
    pages: list[httpx.Response] = []
    browser = threading.Thread(target=lambda: pages.append(agree(platform, provider)))
    browser.start()
    id_ = c2d.ok("git", "connect", "github").strip()
    browser.join(20)
    assert "You can close this page" in pages[0].text
    return id_


def test_the_browser_brings_the_code_back_to_the_terminal(c2d: Cli, connected: str) -> None:
    [connection] = c2d.json("git", "connections")["items"]
    assert (connection["id"], connection["account_name"]) == (connected, "octocat")
    assert "github/octocat" in c2d.ok("git", "connections")
    assert "acme/shop" in c2d.ok("git", "repos", "--connection", "github")


def test_a_browser_elsewhere_shows_a_code_to_type(
    c2d: Cli, platform: FakePlatform, provider: FakeProvider
) -> None:
    wrong = c2d("git", "connect", "github", "--type-code", stdin="ABCD-2345\n")
    assert wrong.exit_code == 1
    assert "has not answered yet" in wrong.stderr
    page = agree(platform, provider)
    assert "Your code:" in page.text


def test_a_repository_is_found_looked_into_and_imported(
    c2d: Cli, provider: FakeProvider, connected: str
) -> None:
    assert "no webhook" in c2d.ok("git", "repos")
    [found] = c2d.json("git", "repos", "sho")["items"]
    assert found["full_name"] == "acme/shop"
    assert "main" in c2d.ok("git", "branches", "acme/shop")
    assert c2d.ok("git", "tree", "acme/shop") == "package.json\n"
    assert c2d.json("git", "detect", "acme/shop")["plan"]["language"] == "Node"

    c2d.ok("projects", "create", "demo")
    c2d.ok("services", "create", "web", "-p", "demo", "--repo", "acme/shop", "-c", "octocat")
    service = c2d.json("services", "show", "web")
    assert service["source"]["connection_id"] == connected
    assert service["source"]["repository_url"] == "https://git.example/acme/shop.git"
    assert service["git"]["webhook"] == "registered"
    assert len(provider.hooks) == 1

    c2d.ok("services", "set", "web", "--branch", "dev")
    assert c2d.json("services", "show", "web")["git"]["repository"] == "acme/shop"

    [hook] = c2d.json("git", "hooks")["items"]
    assert "new secret" in c2d("git", "rotate-secret", hook["id"]).stderr

    c2d.ok("services", "set", "web", "--repo", "https://elsewhere.example/x.git")
    assert c2d.json("services", "show", "web")["git"] is None


def test_disconnecting_says_what_goes_and_asks_first(
    c2d: Cli, provider: FakeProvider, connected: str
) -> None:
    c2d.ok("projects", "create", "demo")
    c2d.ok("services", "create", "web", "-p", "demo", "--repo", "acme/shop")
    dry = c2d("git", "disconnect", "octocat", "--dry-run")
    assert "webhook on acme/shop would go" in dry.stderr
    unasked = c2d("git", "disconnect", "octocat", "--force")
    assert "Run: c2d git disconnect octocat --force --yes" in unasked.stderr
    kept = c2d("git", "disconnect", "octocat", "--yes")
    assert kept.exit_code == 1
    assert "web" in kept.stderr
    c2d.ok("git", "disconnect", "octocat", "--force", "--yes")
    assert c2d.json("git", "connections")["items"] == []
    assert provider.live == set()


def test_what_is_not_clear_is_said(c2d: Cli, provider: FakeProvider) -> None:
    nothing = c2d("git", "repos")
    assert nothing.exit_code == 1
    assert "c2d git connect github" in nothing.stderr
    c2d.ok("projects", "create", "demo")
    wrong = c2d("services", "create", "web", "-p", "demo", "-c", "octocat")
    assert "--connection needs --repo owner/name" in wrong.stderr

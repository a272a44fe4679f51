"""The story both providers share: from nothing to a pushed, reported, previewed service."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from infra.local.state import State
from tests.e2e.apps import app
from tests.e2e.client import TERMINAL, Client
from tests.e2e.person import Person, Work
from tests.e2e.platform import Platform, until
from tests.standins.accounts import browse
from tests.standins.entities import Request
from tests.standins.provider import ProviderServer

P = TypeVar("P", bound=ProviderServer)
NAME = "ada/shop"
CONTEXT = "click-to-deploy"


@contextmanager
def platform_with(
    folder: Path, provider: str, server: ProviderServer, more: Mapping[str, str] | None = None
) -> Iterator[Platform]:
    """A platform that knows the stand-in as its GitHub or GitLab."""
    named = f"C2D_{provider.upper()}"
    given = {
        f"{named}_URL": server.url,
        f"{named}_CLIENT_ID": server.app.client_id,
        f"{named}_CLIENT_SECRET": server.app.client_secret,
        **(more or {}),
    }
    with Platform(folder, given) as platform:
        back = f"http://127.0.0.1:{platform.api_port}/git/callback/{provider}"
        server.app.callbacks = [back]
        yield platform


@dataclass
class Story(Generic[P]):
    """Ada at a platform with one provider. `client` has her own token."""

    platform: Platform
    provider: str
    server: P
    ada: Person
    client: Client
    connection: str = ""

    def call(self, method: str, path: str, **how: Any) -> Any:
        return self.client.call(method, path, **how)

    # --- beginning ------------------------------------------------------------------------

    def connect(self) -> dict[str, Any]:
        """In the browser: begin here, agree there, come back with the cookie."""
        begun = self.client.http.get(f"/git/connect/{self.provider}")
        assert begun.status_code == 200, begun.text
        back = browse(begun.json()["url"])
        jar = {"Cookie": begun.headers["set-cookie"].partition(";")[0]}
        where = f"{self.client.api_url}/git/callback/{self.provider}"
        page = self.ada.browser.get(where, params=back, headers=jar)
        assert "is connected" in page.text, page.text
        found = self.call("GET", "/git/connections")["items"]
        self.connection = found[0]["id"]
        return dict(found[0])

    def connect_from_terminal(self) -> None:
        """`c2d git connect`, and the page it names in the browser."""
        running = self.ada.start("git", "connect", self.provider)
        page = self.ada.reads(running, re.compile(r"(?<=Open )http\S+"))
        shown = self.ada.browser.get(page, follow_redirects=True)
        assert shown.status_code == 200, shown.text
        said, _ = running.communicate(timeout=60)
        assert "is connected" in said, said

    def import_from_terminal(self) -> dict[str, Any]:
        """Find the repository, make a service of it; previews on."""
        c2d = self.ada.c2d
        assert NAME in c2d("git", "repos", "shop")
        c2d("projects", "create", "web")
        given = ["services", "create", "web", "-p", "web", "--repo", NAME, "--branch", "main"]
        service = dict(json.loads(c2d(*given, "--json")))
        until(lambda: self.server.hooks_at(NAME), "the webhook's registration")
        c2d("services", "set", "web/web", "--previews")
        return dict(self.call("GET", f"/services/{service['id']}"))

    def import_repository(self, name: str = "web", **source: Any) -> dict[str, Any]:
        """A service of the connected account's repository, in a project of its own."""
        found = self.call("GET", "/git/repos", params={"search": "shop"})["items"]
        assert [each["full_name"] for each in found] == [NAME]
        project = self.client.project(name)
        chosen = {"connection_id": self.connection, "repository": NAME, "branch": "main"}
        body = {"name": name, "source": {**chosen, **source}}
        service = dict(self.call("POST", f"/projects/{project}/services", json=body))
        until(lambda: self.server.hooks_at(NAME), "the webhook's registration")
        return service

    def clone(self) -> Work:
        """Ada's own working copy, with a token of hers at the provider."""
        user = "x-access-token" if self.provider == "github" else "oauth2"
        secret = f"{user}:{self.server.token('ada')}@"
        url = f"{self.server.url}/{NAME}.git".replace("://", f"://{secret}")
        return self.ada.clone(url, f"shop-{len(list(self.ada.home.iterdir()))}")

    # --- watching -------------------------------------------------------------------------

    def deployment_of(self, service: str, sha: str, state: str = "live") -> dict[str, Any]:
        """The one deployment of a commit, once it has ended as expected."""

        def look() -> Any:
            found = self.call("GET", f"/services/{service}/deployments")["items"]
            mine = [each for each in found if each["sha"] == sha]
            return mine if mine and mine[0]["state"] in TERMINAL else None

        try:
            found = until(look, f"the end of {sha[:8]}'s deployment", 120)
        except AssertionError as error:
            sent = [(a.event, a.status, a.response_body) for a in self.server.dispatcher.attempts]
            raise AssertionError(f"{error}; {sent}; {self.deliveries()}") from None
        assert [each["state"] for each in found] == [state], found
        return dict(found[0])

    def lost_push(self, work: Work, version: str) -> str:
        """A push two minutes ago whose delivery came to nobody; the next sweep is due."""
        dispatcher = self.server.dispatcher
        dispatcher.dropping, dispatcher.clock = True, lambda: time.time() - 120
        sha = work.push(app(version), version)
        dispatcher.settle()
        dispatcher.dropping, dispatcher.clock = False, time.time
        self.platform.rows(
            "UPDATE git_hooks SET created_at = created_at - interval '10 minutes', swept_at = NULL"
            " RETURNING id"
        )
        return sha

    def deliveries(self) -> list[dict[str, Any]]:
        return list(self.call("GET", "/webhook-deliveries")["items"])

    def verdicts(self, event: str) -> set[str]:
        """What became of every delivery of a kind, once none waits any more."""

        def look() -> Any:
            found = [each for each in self.deliveries() if each["event"] == event]
            states = {each["state"] for each in found}
            return states if states and "waiting" not in states else None

        return set(until(look, "a verdict on every delivery"))

    def previews(self, service: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"/services/{service}/previews")["items"])

    def preview_of(self, service: str, request: Request) -> dict[str, Any]:
        """The preview of a request, once it answers."""

        def look() -> Any:
            mine = [p for p in self.previews(service) if p["number"] == request.number]
            if not mine or mine[0]["preview_service_id"] is None:
                return None
            shown = self.call("GET", f"/services/{mine[0]['preview_service_id']}")
            return shown if shown["state"] == "live" else None

        return dict(until(look, f"request {request.number}'s preview", 150))


def tell(story: Story[Any], sha: str, version: str, service: dict[str, Any]) -> dict[str, Any]:
    """Wait until the commit is live and answers with its version."""
    deployment = story.deployment_of(service["id"], sha)
    until(lambda: story.client.get(service).text == version, f"{version} at the public address")
    return deployment


def outage(
    story: Story[Any], service: dict[str, Any], refused: str, ours: Callable[[str], list[str]]
) -> None:
    """A provider that answers 503: the push is live all the same, its status comes afterwards.

    `refused` are the provider's calls as a pattern, `ours` the states of our status on a commit.
    """
    work = story.clone()
    story.server.faults.refused[refused] = 503
    try:
        sha = work.push(app("while down"), f"while {story.provider} is down")
        tell(story, sha, "while down", service)
        assert ours(sha) == []
    finally:
        story.server.faults.refused.clear()

    until(lambda: ours(sha)[:1] == ["success"], "the status that was late", 90)


def ending(story: Story[Any], service: dict[str, Any]) -> None:
    """The service is deleted, and its webhook with it: a later push reaches nobody."""
    assert len(story.server.hooks_at(NAME)) == 1

    story.call("DELETE", f"/services/{service['id']}")

    until(lambda: not story.server.hooks_at(NAME), "the webhook's removal", 60)
    before = len(story.server.dispatcher.attempts)
    story.server.push(NAME, {"after.txt": "1"})
    assert len(story.server.dispatcher.attempts) == before


@contextmanager
def story_of(
    folder: Path, server: P, provider: str, more: Mapping[str, str] | None = None
) -> Iterator[Story[P]]:
    """Platform up, Ada signed in from her terminal; the provider has her repository."""
    server.add_account("ada")
    server.add_repository(NAME, app("one"))
    with platform_with(folder / "platform", provider, server, more) as platform:
        state = State(platform.home)
        with Person(folder / "ada", platform.client.api_url) as ada:
            ada.join(state.setup_code.read_text().strip())
            ada.sign_in()
            client = Client(platform.client.api_url, platform.http_port, token=ada.token)
            try:
                yield Story(platform, provider, server, ada, client)
            finally:
                client.close()

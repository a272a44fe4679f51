"""After a full run nobody can use anything that a dump of the database holds.

Accounts connected, webhooks with rotated secrets, variables in several versions, API tokens with
stored answers, an invitation, sign-ins that go on: none of what opens something is in the dump.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import httpx
import pytest

from tests.e2e.apps import app
from tests.e2e.conftest import short_folder
from tests.e2e.git_story import NAME, Story, story_of, tell
from tests.e2e.person import PASSWORD
from tests.e2e.platform import until
from tests.e2e.test_canary import dumped
from tests.e2e.traces import Canary, in_base64, opened
from tests.standins.gitlab import GitLabServer

pytestmark = pytest.mark.docker


@dataclass
class Run:
    """What was done, and every secret that was about, by what it is."""

    story: Story[GitLabServer]
    service: dict[str, Any]
    secrets: dict[str, str] = field(default_factory=dict)
    deployment: str = ""
    dump: bytes = b""
    inside: bytes = b""

    def keep(self, name: str, secret: str | None) -> str:
        assert secret, name
        self.secrets[name] = secret
        return secret


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = short_folder(tmp_path_factory)
    with GitLabServer(folder / "gitlab") as server, story_of(folder, server, "gitlab") as story:
        story.connect()
        run = Run(story, story.import_repository(previews=True))
        give_variables(run)
        make_tokens(run)
        rotate_webhook(run)
        live(run)
        keep_what_opens(run)
        run.dump = dumped(story.platform)
        run.inside = opened(run.dump)
        yield run


def give_variables(run: Run) -> None:
    """Secret, sealed, changed and removed again; each value is a canary."""
    path = f"/services/{run.service['id']}/env"
    kinds: dict[str, dict[str, Any]] = {
        "PLAIN_SECRET": {"secret": True},
        "SEALED": {"sealed": True},
        "FOR_BUILDS": {"secret": True, "available": "build"},
        "REMOVED": {"secret": True},
    }
    for key, how in kinds.items():
        value = run.keep(f"variable {key}", "".join(Canary.new().parts))
        run.story.call("POST", path, json={"key": key, "value": value, **how})
    value = run.keep("changed variable", "".join(Canary.new().parts))
    run.story.call("PATCH", f"{path}/PLAIN_SECRET", json={"value": value})
    run.story.call("DELETE", f"{path}/REMOVED")


def make_tokens(run: Run) -> None:
    """An API token and an invitation, whose answers are stored for a repetition."""
    key = str(uuid4())
    body = {"name": "ci", "scopes": ["read"]}
    made = [
        run.story.call("POST", "/tokens", json=body, headers={"Idempotency-Key": key})
        for _ in range(2)
    ]
    assert made[0] == made[1], "the answer was not stored"
    run.keep("API token", made[0]["token"])
    guest = {"email": "bob@example.org", "role": "viewer"}
    invited = run.story.call(
        "POST", "/members", json=guest, headers={"Idempotency-Key": str(uuid4())}
    )
    run.keep("invitation", invited["code"])


def rotate_webhook(run: Run) -> None:
    server = run.story.server
    before = run.keep("old webhook secret", server.hooks_at(NAME)[0].secret)
    (hook,) = run.story.call("GET", f"/git/connections/{run.story.connection}/hooks")["items"]
    run.story.call("POST", f"/git/hooks/{hook['id']}/rotate")
    until(lambda: server.hooks_at(NAME)[0].secret != before, "the new secret at the provider")
    run.keep("webhook secret", server.hooks_at(NAME)[0].secret)


def live(run: Run) -> None:
    """A push that deploys with a renewed token, a request with a preview."""
    story = run.story
    story.platform.rows(
        "UPDATE git_connections SET token_expires_at = now() - interval '1 minute' RETURNING id"
    )
    work = story.clone()
    run.deployment = tell(story, work.push(app("two"), "two"), "two", run.service)["id"]
    work.push(app("three"), "three", "feature")
    request = story.server.open_request(NAME, "feature")
    story.preview_of(run.service["id"], request)
    assert story.server.accounts.refreshes == 1


def keep_what_opens(run: Run) -> None:
    """Everything else that would let somebody in."""
    story, home = run.story, run.story.platform.home
    for number, token in enumerate(story.server.accounts.tokens.values()):
        if token.client_id is not None and not token.revoked:
            run.keep(f"access token {number}", token.text)
            run.keep(f"refresh token {number}", token.refresh)
    run.keep("client secret", story.server.app.client_secret)
    run.keep("password", PASSWORD)
    kept = json.loads((story.ada.home / ".config/c2d/config.json").read_text())
    run.keep("signature of the sign-in", kept["token"].rpartition(".")[2])
    run.keep("refresh token of the sign-in", kept["sign_in"]["refresh_token"])
    run.keep("platform token", json.loads((home / "credentials.json").read_text())["token"])
    run.keep("agent token", (home / "keys/agent.token").read_text().strip())
    begun = story.client.http.get(f"/git/connect/{story.provider}")
    run.keep("state", parse_qs(urlsplit(begun.json()["url"]).query)["state"][0])
    run.keep("cookie", begun.cookies["c2d_git"])
    run.keep("device code", _begin_device(story.client.api_url))


def _begin_device(url: str) -> str:
    """A sign-in that nobody has let in yet."""
    sign_in = httpx.get(f"{url}/v1/click-deploy/sign-in", timeout=10).json()
    where = httpx.get(f"{url}/.well-known/openid-configuration", timeout=10).json()
    form = {"client_id": sign_in["client_id"], "scope": "openid"}
    answer = httpx.post(where["device_authorization_endpoint"], data=form, timeout=10)
    return str(answer.json()["device_code"])


def needles(secret: str) -> Iterator[bytes]:
    """How a secret looks as it is, quoted, in hexadecimal, and in base64 at every alignment."""
    yield secret.encode()
    yield quote(secret, safe="").encode()
    yield secret.encode().hex().encode()
    if len(secret) >= 16:
        yield from in_base64(secret)


def test_nothing_in_the_dump_opens_anything(run: Run) -> None:
    found = [
        f"{name}: {text[max(0, text.find(needle) - 80) : text.find(needle) + 40]!r}"
        for name, secret in run.secrets.items()
        for needle in needles(secret)
        for text in (run.dump, run.inside)
        if needle in text
    ]
    assert len(run.secrets) >= 17
    assert found == []


def test_the_dump_was_whole(run: Run) -> None:
    """What is no secret is there: tables, log chunks, the engine's own state."""
    for word in (b"git_connections", b"PLAIN_SECRET", b"workflow_status", NAME.encode()):
        assert word in run.dump, word
    logs = run.story.call("GET", f"/deployments/{run.deployment}/logs")["items"]
    assert all(json.dumps(line["text"]).encode() in run.inside for line in logs[:20])
    tables = run.story.platform.rows(
        "SELECT count(*) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    assert run.dump.count(b"COPY ") >= tables[0][0]


def test_a_secret_is_found_wherever_it_is() -> None:
    secret = "".join(Canary.new().parts)
    packed = b"\\\\x" + b"x".hex().encode() + secret.encode().hex().encode()
    for text in (secret.encode(), secret.encode().hex().encode(), opened(packed), packed):
        assert any(needle in text for needle in needles(secret))

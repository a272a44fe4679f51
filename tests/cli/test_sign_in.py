"""`c2d login` in a browser, tokens and members: against the platform's own endpoints."""

import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from c2d import sign_in

from infra.local.issuer import grants, members, oauth, tokens, web
from infra.local.issuer.accounts import SetupCode
from infra.local.issuer.attempts import Attempts
from infra.local.issuer.keys import SigningKeys
from infra.local.issuer.parts import Parts, issuer_parts
from infra.local.issuer.tokens import Signer
from shared import bootstrap
from shared.http import deps
from shared.http.app import build_app
from shared.http.local import modules
from shared.settings import Settings
from tests.cli.conftest import Cli
from tests.cli.fake_server import FakePlatform
from tests.fakes import limits
from tests.fakes.store import FakeStore
from tests.issuer.browser import OWNER, Browser, Page

MACHINE_TOKEN = "c2d_of_this_machine"
PARTS = ("postgres", "workflows")
LINES_SECONDS = 20


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keys = SigningKeys(tmp_path / "keys" / "issuer")
    keys.ensure()
    setup = SetupCode(tmp_path / "keys" / "setup-code")
    setup.renew()
    return Parts(Signer(f"http://127.0.0.1:{port}", keys), Attempts(), setup)


@pytest.fixture
def platform(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakePlatform]:
    """The endpoints of one machine on a real socket, with its own issuer."""
    store = FakeStore()
    settings = Settings(home=tmp_path, api_url=parts.url, api_token=MACHINE_TOKEN)
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    monkeypatch.setattr(bootstrap, "unit_of_work", lambda _act=None: store)
    monkeypatch.setattr(bootstrap, "glance", lambda: store)
    monkeypatch.setattr(bootstrap, "health_checks", lambda: {n: lambda: "answers" for n in PARTS})
    monkeypatch.setattr(grants, "POLL_SECONDS", 0.05)
    limits.install(monkeypatch)
    bootstrap.access_tokens.cache_clear()
    every = [module.router for _, module in modules()]
    app = build_app([*every, oauth.router, web.router, members.router])
    app.dependency_overrides |= {deps.store: lambda: store, issuer_parts: lambda: parts}
    server = FakePlatform(app=app, token=MACHINE_TOKEN, port=int(parts.url.rpartition(":")[2]))
    server.start()
    yield server
    server.stop()
    bootstrap.access_tokens.cache_clear()


@pytest.fixture
def browser(platform: FakePlatform, parts: Parts) -> Iterator[Browser]:
    """A browser elsewhere, whose person has become the owner."""
    with httpx.Client(base_url=platform.url, trust_env=False) as http:
        made = Browser(http, parts)
        made.set_up()
        yield made


@pytest.fixture
def out(c2d: Cli, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Signed out."""
    monkeypatch.delenv("C2D_API_URL")
    monkeypatch.delenv("C2D_TOKEN")
    return c2d


def answered(browser: Browser, cli: Cli, decision: str) -> tuple[int, str]:
    """Run `c2d login --device`, and answer in the browser at the address it prints."""
    process = cli.process("login", "--url", str(browser.http.base_url).rstrip("/"), "--device")
    assert process.stderr is not None
    page, code = process.stderr.readline().split()[1], process.stderr.readline().split()[-1]
    shown = browser.http.get(page)
    assert Page(shown.text).values["user_code"] == code
    browser.submit(shown, email=OWNER[0], password=OWNER[1], decision=decision)
    _, rest = process.communicate(timeout=LINES_SECONDS)
    return process.returncode, rest


def config() -> Path:
    return Path(os.environ["HOME"]) / ".config" / "c2d" / "config.json"


def test_a_terminal_is_signed_in_by_a_browser_elsewhere(out: Cli, browser: Browser) -> None:
    code, said = answered(browser, out, "approve")
    assert (code, "Signed in to" in said) == (0, True)
    assert config().stat().st_mode & 0o777 == 0o600
    shown = out.json("whoami")["me"]
    assert (shown["name"], shown["credential"]) == ("Ada", "access_token")
    result = out("whoami")
    assert "Ada <ada@example.com>" in result.stdout
    assert json.loads(config().read_text())["token"] not in result.output


def test_a_refusal_in_the_browser_is_said_in_the_terminal(out: Cli, browser: Browser) -> None:
    code, said = answered(browser, out, "deny")
    assert (code, "refused in the browser" in said) == (1, True)
    assert not config().exists()


def test_a_sign_in_is_renewed_by_one_of_many_commands(
    out: Cli, browser: Browser, platform: FakePlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(browser, out, "approve")
    document = json.loads(config().read_text())
    document["sign_in"]["expires_at"] = time.time() - 1
    config().write_text(json.dumps(document))
    with ThreadPoolExecutor(3) as threads:
        runs = list(threads.map(lambda _: out.run("projects", "list"), range(3)))
    assert [(run.returncode, run.stderr) for run in runs] == [(0, "")] * 3
    fresh = json.loads(config().read_text())
    assert fresh["sign_in"]["refresh_token"] != document["sign_in"]["refresh_token"]
    assert fresh["sign_in"]["expires_at"] > time.time() + 60


def test_a_command_outlives_its_access_token(
    out: Cli, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from c2d import config as stored
    from c2d.client import Client

    monkeypatch.setattr(tokens, "ACCESS_SECONDS", 61)
    answered(browser, out, "approve")
    connection = stored.load()
    client = Client(connection)
    assert client.get("/me")["name"] == "Ada"
    monkeypatch.setattr(sign_in, "EARLY_SECONDS", 1000.0)
    client._expires_at = time.time()
    assert client.get("/me")["name"] == "Ada"
    client.close()
    assert stored.stored_connection().token != connection.token  # type: ignore[union-attr]


def test_a_sign_in_that_has_ended_names_the_next_step(out: Cli, browser: Browser) -> None:
    answered(browser, out, "approve")
    document = json.loads(config().read_text())
    browser.http.post("/oauth/revoke", data={"token": document["sign_in"]["refresh_token"]})
    document["sign_in"]["expires_at"] = 0
    config().write_text(json.dumps(document))
    result = out("projects", "list")
    assert result.exit_code == 1
    assert "your sign-in has ended" in result.stderr
    assert "c2d login" in result.stderr


def test_logging_out_ends_the_sign_in_at_the_issuer(out: Cli, browser: Browser) -> None:
    answered(browser, out, "approve")
    refresh = json.loads(config().read_text())["sign_in"]["refresh_token"]
    out.ok("logout")
    ended = browser.token(grant_type="refresh_token", refresh_token=refresh)
    assert ended.json()["error"] == "invalid_grant"
    assert not config().exists()


def test_tokens_of_programs(c2d: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    text = c2d.ok("tokens", "create", "ci").strip()
    assert text.startswith("c2d_")
    listed = c2d.ok("tokens", "list")
    assert "ci" in listed
    assert "deploy read" in listed
    assert text not in listed
    wrong = c2d("tokens", "create", "ci", "--scope", "root")
    assert wrong.exit_code == 1
    with monkeypatch.context() as program:
        program.setenv("C2D_TOKEN", text)
        assert c2d.json("whoami")["me"]["credential"] == "api_token"
        refused = c2d("projects", "create", "demo")
        assert refused.exit_code == 1
        assert "needs the scope write" in refused.stderr
    assert c2d("tokens", "revoke", "ci").exit_code == 1, "nobody can be asked"
    c2d.ok("tokens", "revoke", text, "--yes")
    assert "ci" not in c2d.ok("tokens", "list")
    assert "revoked" in c2d.ok("tokens", "list", "--all")
    assert c2d("tokens", "revoke", "ci", "--yes").exit_code == 1
    monkeypatch.setenv("C2D_TOKEN", text)
    assert "refused" in c2d("whoami").stdout


def test_members_come_and_go(c2d: Cli, browser: Browser) -> None:
    link = c2d.ok("members", "add", "bob@example.com", "--role", "viewer").strip()
    page = browser.http.get(link)
    password = "a password of bob"
    browser.submit(page, name="Bob", password=password, again=password)
    rows = [line.split()[:4] for line in c2d.ok("members", "list").splitlines()[1:]]
    assert rows == [
        ["ada@example.com", "Ada", "owner", "joined"],
        ["bob@example.com", "Bob", "viewer", "joined"],
    ]
    c2d.ok("members", "remove", "bob@example.com", "--yes")
    assert c2d("members", "remove", "bob@example.com", "--yes").exit_code == 1
    assert "bob" not in c2d.ok("members", "list")


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("http://id.example/token", "https://platform.example"),
        ("http://id.example/token", "http://platform.example"),
        ("ftp://platform.example/x", "https://platform.example"),
    ],
)
def test_codes_and_tokens_are_not_sent_in_the_clear(url: str, api: str) -> None:
    from c2d.errors import CliError

    with pytest.raises(CliError, match="not an https address"):
        sign_in.trusted(url, api)
    for fine in ("https://id.example/token", "http://127.0.0.1:1/token", f"{api}/token"):
        sign_in.trusted(fine, api)

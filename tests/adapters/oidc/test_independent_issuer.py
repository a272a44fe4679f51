"""An OpenID Connect server that is none of ours (npm `oidc-provider`) signs people in.

It stands for Casdoor: its tokens pass our check, a browser signs in on its pages, and `c2d` is let
in by its device flow. It is installed by npm and kept in a temporary folder.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from c2d import sign_in
from jwt.algorithms import RSAAlgorithm

from shared.adapters.oidc.access_tokens import AccessTokens
from shared.adapters.oidc.claims import Rules, organization_of
from shared.adapters.oidc.keys import KeyRing
from shared.adapters.oidc.sources import HttpKeys
from shared.domain.access import Role
from shared.domain.errors import Unauthenticated
from tests.adapters.oidc.issuer import CLIENT, key
from tests.issuer.browser import CHALLENGE, VERIFIER

HERE = Path(__file__).parent / "provider"
INSTALLED = Path(tempfile.gettempdir()) / "c2d-oidc-provider-9.13.3"
CALLBACK = "http://127.0.0.1:49152/callback"
SECONDS = 120


@pytest.fixture(scope="session")
def installed() -> Path:
    """The server with its packages, installed the first time only."""
    if not INSTALLED.is_dir():
        with tempfile.TemporaryDirectory(dir=INSTALLED.parent) as work:
            folder = Path(work) / "provider"
            shutil.copytree(HERE, folder)
            subprocess.run(
                ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"],
                cwd=folder,
                timeout=SECONDS,
                check=True,
            )
            if not INSTALLED.exists():
                folder.rename(INSTALLED)
    shutil.copy(HERE / "server.js", INSTALLED / "server.js")
    return INSTALLED


class Server:
    """One running server; it may be stopped and started again with other keys."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None

    def start(self, *names: str) -> None:
        keys = [RSAAlgorithm.to_jwk(key(name), as_dict=True) for name in names]
        named = [
            {**{k: v for k, v in each.items() if k != "key_ops"}, "kid": name, "use": "sig"}
            for name, each in zip(names, keys, strict=True)
        ]
        node = shutil.which("node") or str(Path(sys.executable).with_name("node"))
        self._process = subprocess.Popen(
            [node, "server.js"],
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "ISSUER": self.url, "KEYS": json.dumps(named)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        said = []
        for line in self._process.stdout:
            said.append(line)
            if line == "ready\n":
                return
        raise AssertionError("".join(said))

    def stop(self) -> None:
        if self._process is not None:
            # the `node` of a Python package is a program that waits for the real one
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.communicate(timeout=20)
            self._process = None


@pytest.fixture
def server(installed: Path) -> Iterator[Server]:
    made = Server(installed)
    made.start("first")
    yield made
    made.stop()


@pytest.fixture
def checked(server: Server) -> AccessTokens:
    rules = Rules(server.url, CLIENT, partial(organization_of, server.url))
    return AccessTokens(rules, KeyRing(HttpKeys(server.url), pause=0))


class Forms(HTMLParser):
    """The first form of a page that is to be posted."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self._open = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post" and not self.action:
            self.action, self._open = given["action"], True
        elif tag in {"input", "button"} and self._open and given.get("name"):
            self.fields.setdefault(given["name"], given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = self._open and tag != "form"


def clicked_through(url: str) -> str:
    """Sign in as grace on whatever pages come; where the browser is sent at last, or the text."""
    with httpx.Client(trust_env=False, timeout=10) as http:
        answer = http.get(url)
        for _ in range(20):
            if answer.is_redirect:
                where = str(answer.request.url.join(answer.headers["location"]))
                if where.startswith(CALLBACK):
                    return where
                answer = http.get(where)
                continue
            form = Forms(answer.text)
            if not form.action:
                return answer.text
            typed = {"login": "grace", "password": "any", "confirm": "yes"}
            filled = {name: typed.get(name) or value for name, value in form.fields.items()}
            answer = http.post(str(answer.request.url.join(form.action)), data=filled)
    raise AssertionError(f"these pages never end: {answer.text}")


def signed_in(server: Server) -> dict[str, str]:
    """Tokens by authorization code and PKCE."""
    query = httpx.QueryParams(
        response_type="code",
        client_id=CLIENT,
        redirect_uri=CALLBACK,
        scope="openid",
        code_challenge=CHALLENGE,
        code_challenge_method="S256",
    )
    returned = parse_qs(urlsplit(clicked_through(f"{server.url}/auth?{query}")).query)
    form = {
        "grant_type": "authorization_code",
        "client_id": CLIENT,
        "code": returned["code"][0],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    answer = httpx.post(f"{server.url}/token", data=form, trust_env=False)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_its_access_tokens_are_accepted_and_its_id_tokens_are_not(
    server: Server, checked: AccessTokens
) -> None:
    tokens = signed_in(server)
    actor = checked.check(tokens["access_token"])
    assert (actor.id, actor.name, actor.roles) == ("grace", "Grace", {Role.DEVELOPER})
    assert actor.organization_id == organization_of(server.url, "acme")
    with pytest.raises(Unauthenticated):
        checked.check(tokens["id_token"])


def test_its_keys_are_rotated_without_a_restart_of_ours(
    server: Server, checked: AccessTokens
) -> None:
    before = signed_in(server)["access_token"]
    assert checked.check(before).name == "Grace"
    server.stop()
    assert checked.check(before).name == "Grace", "it is down and its keys are known"
    server.start("second", "first")
    after = signed_in(server)["access_token"]
    assert checked.check(after).name == "Grace"
    assert checked.check(before).name == "Grace", "the key before is still published"


def test_c2d_is_let_in_by_its_device_flow_and_renewed(
    server: Server, checked: AccessTokens
) -> None:
    said = httpx.get(f"{server.url}/.well-known/openid-configuration", trust_env=False).json()
    provider = sign_in.Provider(
        CLIENT,
        said["token_endpoint"],
        said["device_authorization_endpoint"],
        said["revocation_endpoint"],
    )
    device = sign_in.start_device(provider)
    assert "successful" in clicked_through(device.page)
    kept = sign_in.await_device(provider, replace(device, interval=0.05))
    assert checked.check(kept["token"]).name == "Grace"
    renewed = sign_in.renewed(kept)
    assert checked.check(renewed["token"]).name == "Grace"
    assert renewed["sign_in"]["refresh_token"] != kept["sign_in"]["refresh_token"]
    sign_in.end(renewed["sign_in"])
    with pytest.raises(sign_in.NotSignedIn):
        sign_in.renewed(renewed)

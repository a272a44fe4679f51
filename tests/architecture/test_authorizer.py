"""What API Gateway asks before an endpoint, and where it does not ask."""

import json
from functools import partial
from typing import Any

import pytest
import yaml

from functions.edge import authorizer
from infra.generate import stacks
from infra.generate.events import path_of
from infra.generate.functions import served
from shared import bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.adapters.oidc.access_tokens import AccessTokens
from shared.adapters.oidc.claims import Rules, organization_of
from shared.adapters.oidc.keys import KeyRing
from shared.settings import Settings
from tests.adapters.oidc.issuer import CLIENT, Issuer

MACHINE_TOKEN = "a token of the owner's own choice"


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Issuer:
    made = Issuer()
    rules = Rules(made.url, CLIENT, partial(organization_of, made.url))
    checked = AccessTokens(rules, KeyRing(made, pause=0))
    settings = Settings(api_token=MACHINE_TOKEN)
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    monkeypatch.setattr(bootstrap, "access_tokens", lambda: checked)
    return made


def asked(token: str | None, name: str = "authorization") -> bool:
    event = json.loads(path_of("edge.authorizer").read_text())
    event["headers"] = {} if token is None else {name: token}
    answer: dict[str, Any] = authorizer.handler(event, LocalContext("authorizer"))
    assert set(answer) == {"isAuthorized"}
    return bool(answer["isAuthorized"])


def test_the_sample_event_passes(issuer: Issuer) -> None:
    event = json.loads(path_of("edge.authorizer").read_text())
    assert authorizer.handler(event, LocalContext("authorizer")) == {"isAuthorized": True}


def test_what_is_signed_by_the_issuer_passes_and_the_rest_does_not(issuer: Issuer) -> None:
    assert asked(f"Bearer {issuer.token()}")
    assert asked(f"bearer {issuer.token()}", "Authorization")
    for token in (
        issuer.token(iss="https://evil.example"),
        issuer.token(aud=["other"]),
        issuer.token(exp=1),
        issuer.token({"kid": "made-up"}),
        issuer.token(tokenType="id-token"),
        issuer.token()[:-4] + "AAAA",
        "not.a.token",
        "",
    ):
        assert not asked(f"Bearer {token}")
    assert not asked(f"Basic {issuer.token()}")
    assert not asked(None)


def test_an_api_token_passes_by_its_shape_alone(issuer: Issuer) -> None:
    """Whether it was revoked is the endpoint's question, at each request."""
    assert asked("Bearer c2d_" + "A-b_9" * 8)
    assert asked(f"Bearer {MACHINE_TOKEN}")
    for token in ("c2d_short", "c2d_" + "ü" * 43, "c2d_" + "a" * 300, "C2D_" + "a" * 43):
        assert not asked(f"Bearer {token}")
    assert issuer.fetches == 0


def test_while_the_issuer_is_down_the_endpoint_says_so(issuer: Issuer) -> None:
    issuer.down = True
    assert asked(f"Bearer {issuer.token()}")


def test_without_an_issuer_only_api_tokens_pass(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "access_tokens", lambda: None)
    assert not asked(f"Bearer {issuer.token()}")
    assert asked("Bearer c2d_" + "a" * 43)


def test_every_route_that_asks_who_calls_is_behind_it() -> None:
    resources = yaml.safe_load((stacks.FOLDER / "api.yaml").read_text())["Resources"]
    auth = resources["HttpApi"]["Properties"]["Auth"]
    [(name, how)] = auth["Authorizers"].items()
    assert auth["DefaultAuthorizer"] == name
    assert how["FunctionArn"] == {"Fn::GetAtt": ["EdgeAuthorizer", "Arn"]}
    assert resources["EdgeAuthorizer"]["Properties"]["Handler"] == "edge.authorizer.handler"
    events = {
        route.name: resources[route.logical_id]["Properties"]["Events"]["Http"]["Properties"]
        for route in served()
    }
    left_alone = {n for n, event in events.items() if event.get("Auth") == {"Authorizer": "NONE"}}
    assert left_alone == {route.name for route in served() if not route.guarded}
    assert {"api.health.get", "api.sign_in.get", "api.agent_jobs.claim"} < left_alone
    assert not {n for n in left_alone if n.startswith(("api.projects", "api.services", "api.me"))}
    assert all("Auth" not in event for n, event in events.items() if n not in left_alone)

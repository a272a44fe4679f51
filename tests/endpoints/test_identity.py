"""Bearer tokens of every kind, and what stays out of sight of another organisation."""

import threading
from functools import partial

import pytest
from fastapi.testclient import TestClient

from shared import bootstrap
from shared.adapters.oidc.access_tokens import AccessTokens
from shared.adapters.oidc.claims import Rules, organization_of
from shared.adapters.oidc.keys import KeyRing
from shared.domain.access import Actor
from shared.http import deps, identity
from shared.settings import Settings, read
from tests.adapters.oidc.issuer import CLIENT, Issuer
from tests.usecases.world import World

PLAIN = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ"


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def signed(api: TestClient, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The API as it is, with an identity provider: nothing stands in for who calls."""
    rules = Rules(issuer.url, CLIENT, partial(organization_of, issuer.url))
    checked = AccessTokens(rules, KeyRing(issuer))
    monkeypatch.setattr(bootstrap, "access_tokens", lambda: checked)
    api.app.dependency_overrides.pop(deps.actor)  # type: ignore[attr-defined]
    return api


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_access_token_says_who_calls(signed: TestClient, issuer: Issuer) -> None:
    me = signed.get("/me", headers=bearer(issuer.token())).json()
    assert (me["name"], me["roles"], me["credential"]) == (
        "Ada Lovelace",
        ["developer"],
        "access_token",
    )
    assert me["organization_id"] == str(organization_of(issuer.url, "acme"))


def test_another_organisations_token_sees_nothing(signed: TestClient, issuer: Issuer) -> None:
    mine, foreign = bearer(issuer.token()), bearer(issuer.token(owner="other", isAdmin=True))
    project = signed.post("/projects", json={"name": "Blog"}, headers=mine).json()
    path = f"/projects/{project['id']}"
    assert signed.get(path, headers=mine).status_code == 200
    assert signed.get(path, headers=foreign).status_code == 404
    assert signed.delete(path, headers=foreign).status_code == 404
    assert signed.patch(path, json={"name": "x"}, headers=foreign).status_code == 404
    assert signed.get("/projects", headers=foreign).json()["items"] == []


def test_without_a_role_one_is_somebody_and_may_do_nothing(
    signed: TestClient, issuer: Issuer
) -> None:
    nobody = bearer(issuer.token(roles=[]))
    assert signed.get("/me", headers=nobody).json()["scopes"] == []
    refused = signed.get("/projects", headers=nobody)
    assert refused.status_code == 403
    assert "Ada Lovelace has nothing" in refused.json()["detail"]


def test_with_known_keys_an_access_token_costs_no_transaction_and_no_thread(
    signed: TestClient, issuer: Issuer, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = bearer(issuer.token())
    signed.get("/me", headers=token)
    commits, fetches, threads = world.store.commits, issuer.fetches, []
    check, who = AccessTokens.check, identity._who

    def checking(self: AccessTokens, text: str) -> Actor:
        threads.append(threading.get_ident())
        return check(self, text)

    async def on_the_loop(text: str) -> Actor:
        threads.append(threading.get_ident())
        return await who(text)

    monkeypatch.setattr(AccessTokens, "check", checking)
    monkeypatch.setattr(identity, "_who", on_the_loop)
    assert signed.get("/me", headers=token).status_code == 200
    assert len(threads) == 2
    assert len({*threads}) == 1
    assert (world.store.commits, issuer.fetches) == (commits, fetches)


def test_an_identity_provider_that_is_down_is_not_the_callers_fault(
    signed: TestClient, issuer: Issuer
) -> None:
    issuer.down = True
    answer = signed.get("/me", headers=bearer(issuer.token()))
    assert (answer.status_code, answer.json()["type"]) == (503, "Transient")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a b", "bearer x.y.z", f"Bearer {PLAIN}.e30."],
)
def test_what_is_no_credential_is_refused(signed: TestClient, header: str) -> None:
    answer = signed.get("/me", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_an_issuer_only_api_tokens_are_accepted(api: TestClient, issuer: Issuer) -> None:
    answer = api.get("/me", headers=bearer(issuer.token()))
    assert answer.status_code == 401
    assert "only API tokens" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"identity": "local", "workflows": "step_functions"}, "for one machine"),
        ({"identity": "local", "oidc_issuer": "https://id", "oidc_audience": "a"}, "excludes"),
        ({"identity": "oidc"}, "needs C2D_OIDC_ISSUER"),
        ({"oidc_issuer": "https://id.example"}, "needs C2D_OIDC_AUDIENCE"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_stop_the_process(given: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings.model_validate(given)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ("http://127.0.0.1:8080", "click-to-deploy")),
        ({"C2D_PUBLIC_URL": "https://paas.example/"}, ("https://paas.example", "click-to-deploy")),
        ({"C2D_WORKFLOWS": "step_functions"}, None),
        ({"C2D_WORKFLOWS": "step_functions", "C2D_OIDC_ISSUER": ""}, None),
        ({"C2D_IDENTITY": "none"}, None),
        (
            {"CASDOOR_ENDPOINT": "https://door.example", "CASDOOR_CLIENT_ID": "c1"},
            ("https://door.example", "c1"),
        ),
    ],
    ids=str,
)
def test_who_signs_people_in(given: dict[str, str], found: tuple[str, str] | None) -> None:
    assert read(given).sign_in == found

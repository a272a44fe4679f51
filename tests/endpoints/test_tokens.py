"""API tokens: shown once, no more than their maker, refused from the moment they are revoked."""

from dataclasses import replace
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from shared.domain.access import TOKEN_PREFIX, ApiToken, Scope, token_hash
from shared.domain.ids import new_id, now
from tests.usecases.world import ORGANIZATION, World

AGES = timedelta(days=3)


def made(api: TestClient, *scopes: str, **more: object) -> dict[str, str]:
    answer = api.post("/tokens", json={"name": "ci", "scopes": list(scopes), **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def called(api: TestClient, token: str, method: str = "GET", path: str = "/me") -> int:
    return api.request(method, path, headers={"Authorization": f"Bearer {token}"}).status_code


def stored(world: World, text: str) -> ApiToken:
    with world.store:
        found = world.store.tokens.find_everywhere(token_hash(text))
    assert found is not None
    return found


def save(world: World, token: ApiToken) -> None:
    with world.store:
        world.store.tokens.save(token)


def test_a_tokens_text_is_shown_once_and_never_stored(api: TestClient, world: World) -> None:
    token = made(api, "read", "deploy")
    assert token["token"].startswith(TOKEN_PREFIX)
    assert token["token"].startswith(token["hint"])
    [listed] = api.get("/tokens").json()["items"]
    assert listed["id"] == token["id"]
    assert "token" not in listed
    assert "token_hash" not in listed
    assert token["token"] not in repr(stored(world, token["token"]))


def test_a_token_says_what_it_is(api: TestClient) -> None:
    token = made(api, "read")
    me = api.get("/me", headers={"Authorization": f"Bearer {token['token']}"}).json()
    assert (me["id"], me["name"], me["kind"]) == (token["id"], "ci", "token")
    assert (me["credential"], me["scopes"], me["roles"]) == ("api_token", ["read"], [])
    assert me["user_id"] == "owner"


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        (("read",), {"GET /projects"}),
        (("deploy",), {"POST /services/{id}/restart"}),
        (("write",), {"DELETE /projects/{id}"}),
        (("admin",), set()),
    ],
)
def test_a_token_may_do_what_its_scopes_say(
    api: TestClient, scopes: tuple[str, ...], allowed: set[str]
) -> None:
    token = made(api, *scopes)["token"]
    calls = ("GET /projects", "POST /services/{id}/restart", "DELETE /projects/{id}")
    let_in = {
        call
        for call in calls
        if called(api, token, *call.replace("{id}", str(new_id())).split()) != 403
    }
    assert let_in == allowed


def test_no_token_may_do_more_than_its_maker(api: TestClient) -> None:
    body = {"name": "more", "scopes": ["read", "admin"]}
    refused = api.post("/tokens", json=body, headers={"x-scopes": "read write"})
    assert refused.status_code == 403
    assert "admin" in refused.json()["detail"]
    weak = {"Authorization": f"Bearer {made(api, 'read', 'deploy')['token']}"}
    assert api.post("/tokens", json=body, headers=weak).status_code == 403
    strong = {"Authorization": f"Bearer {made(api, 'read', 'write')['token']}"}
    assert api.post("/tokens", json=body, headers=strong).status_code == 403


def test_what_a_token_makes_ends_with_it(api: TestClient) -> None:
    parent = made(api, "read", "write", expires_in_days=10)["token"]
    headers = {"Authorization": f"Bearer {parent}"}
    body = {"name": "child", "scopes": ["read"]}
    for days, status in ((None, 403), (11, 403), (9, 201)):
        made_by_it = {**body, "expires_in_days": days}
        assert api.post("/tokens", json=made_by_it, headers=headers).status_code == status


def test_a_revoked_token_is_refused_from_the_next_request_on(api: TestClient) -> None:
    token = made(api, "read")
    assert called(api, token["token"]) == 200
    assert api.delete(f"/tokens/{token['id']}?dry_run=true").status_code == 200
    assert called(api, token["token"]) == 200
    for _ in range(2):
        assert api.delete(f"/tokens/{token['id']}").status_code == 200
        assert called(api, token["token"]) == 401


def test_an_expired_token_is_refused(api: TestClient, world: World) -> None:
    text = made(api, "read", expires_in_days=1)["token"]
    assert called(api, text) == 200
    save(world, replace(stored(world, text), expires_at=now() - timedelta(seconds=1)))
    answer = api.get("/me", headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 401
    assert "has expired" in answer.json()["detail"]


def test_the_last_use_is_written_at_most_once_a_minute(api: TestClient, world: World) -> None:
    text = made(api, "read")["token"]
    assert stored(world, text).last_used_at is None
    called(api, text)
    first = stored(world, text).last_used_at
    commits = world.store.commits
    for _ in range(3):
        called(api, text)
    assert stored(world, text).last_used_at == first
    assert world.store.commits - commits == 3 + 1, "one short look each, and this test's own"
    save(world, replace(stored(world, text), last_used_at=now() - AGES))
    called(api, text)
    second = stored(world, text).last_used_at
    assert first is not None
    assert second is not None
    assert second >= first


def test_others_tokens_are_an_administrators_affair(api: TestClient, world: World) -> None:
    mine, at = made(api, "read"), now()
    others = ApiToken(
        new_id(), ORGANIZATION, "bobs", "c2d_b", token_hash("c2d_b"), ("read",), "bob", "Bob", at
    )
    with world.store:
        world.store.tokens.add(others)
    plain = {"x-scopes": "read write"}
    assert [t["id"] for t in api.get("/tokens", headers=plain).json()["items"]] == [mine["id"]]
    assert api.delete(f"/tokens/{others.id}", headers=plain).status_code == 404
    assert len(api.get("/tokens").json()["items"]) == 2
    assert api.delete(f"/tokens/{others.id}", headers={"x-as": "other"}).status_code == 404
    assert api.delete(f"/tokens/{others.id}").status_code == 200
    assert called(api, "c2d_b") == 401


def test_a_viewer_makes_and_revokes_none(api: TestClient) -> None:
    token = made(api, "read")
    viewer = {"x-scopes": Scope.READ}
    body = {"name": "ci", "scopes": ["read"]}
    assert api.post("/tokens", json=body, headers=viewer).status_code == 403
    assert api.delete(f"/tokens/{token['id']}", headers=viewer).status_code == 403
    assert called(api, token["token"]) == 200


@pytest.mark.parametrize(
    "body",
    [
        {"name": "ci"},
        {"name": "ci", "scopes": []},
        {"name": "ci", "scopes": ["root"]},
        {"name": "", "scopes": ["read"]},
        {"name": "ci", "scopes": ["read"], "expires_in_days": 0},
        {"name": "ci", "scopes": ["read"], "token": "c2d_mine"},
    ],
    ids=str,
)
def test_a_token_that_cannot_be_made_is_a_problem(api: TestClient, body: object) -> None:
    assert api.post("/tokens", json=body).status_code == 422


@pytest.mark.parametrize("token", ["c2d_", "c2d_wrong", "c2d_" + "x" * 5000, "c2d_\u00e9"])
def test_what_is_not_known_is_refused_with_the_next_step(api: TestClient, token: str) -> None:
    header = f"Bearer {token}".encode()
    answer = api.get("/me", headers={b"Authorization": header})
    assert answer.status_code == 401
    assert "c2d login" in answer.json()["detail"]

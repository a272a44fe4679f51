"""Connected accounts over HTTP: the whole way of a browser and of a terminal, and every refusal."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from shared.domain.ids import now
from shared.http import deps
from shared.ports.access import AuditFilter
from tests.fakes.git_provider import FakeProvider
from tests.usecases.world import ORGANIZATION, World

ROOT = "http://test"


@pytest.fixture
def provider() -> FakeProvider:
    made = FakeProvider()
    made.add("acme/web")
    return made


@pytest.fixture
def web(api: TestClient, provider: FakeProvider) -> TestClient:
    app = api.app
    assert isinstance(app, FastAPI)
    app.dependency_overrides[deps.git_providers] = lambda: provider.of
    api.follow_redirects = False
    return api


def query(url: str) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(urlsplit(url).query).items()}


def come_back(web: TestClient, url: str, provider: FakeProvider, **more: Any) -> Response:
    """What the provider's consent page does, in this browser."""
    asked = query(url)
    given = {"state": asked["state"], "code": provider.agree(asked["challenge"]), **more}
    return web.get(f"{ROOT}/git/callback/github", params=given)


def connect(web: TestClient, provider: FakeProvider) -> dict[str, Any]:
    begun = web.get("/git/connect/github").json()
    assert come_back(web, begun["url"], provider).status_code == 200
    found: dict[str, Any] = web.get("/git/connections").json()["items"][0]
    return found


def rows(world: World, action: str) -> int:
    with world.store.unrecorded() as uow:
        return len(uow.audit.list(ORGANIZATION, AuditFilter(action=action), 10, None).items)


def test_a_browser_connects_an_account(
    web: TestClient, provider: FakeProvider, world: World
) -> None:
    begun = web.get("/git/connect/github")
    assert begun.status_code == 200
    cookie = begun.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/git/callback" in cookie
    assert "SameSite=lax" in cookie
    asked = query(begun.json()["url"])
    assert asked["to"].endswith("/git/callback/github")
    page = come_back(web, begun.json()["url"], provider)
    assert page.status_code == 200
    assert "octocat at https://git.example is connected" in page.text
    [connection] = web.get("/git/connections").json()["items"]
    assert (connection["account_name"], connection["state"]) == ("octocat", "active")
    assert "token" not in str(connection)
    assert rows(world, "git.connect") == 1
    assert rows(world, "git.callback") == 1


def test_a_browser_that_asks_for_a_page_is_sent_to_the_provider(web: TestClient) -> None:
    answer = web.get("/git/connect/github", headers={"Accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("https://git.example/authorize")


def test_a_terminal_confirms_with_the_code_of_the_page(
    web: TestClient, provider: FakeProvider, world: World
) -> None:
    begun = web.get("/git/connect/github", params={"terminal": True})
    assert "set-cookie" not in begun.headers
    page = come_back(web, begun.json()["url"], provider)
    code = page.text.partition("Your code: ")[2][:9]
    path = f"/git/connect/github/{begun.json()['id']}/confirm"
    assert web.post(path, json={"code": "WRONG"}).status_code == 403
    confirmed = web.post(path, json={"code": code})
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["account_name"] == "octocat"
    assert web.post(path, json={"code": code}).status_code in {409, 410}
    assert rows(world, "git.confirm") == 1


def test_a_terminal_that_listens_gets_the_code_from_the_browser(
    web: TestClient, provider: FakeProvider
) -> None:
    begun = web.get("/git/connect/github", params={"terminal": True, "port": 4321}).json()
    back = come_back(web, begun["url"], provider)
    assert back.status_code == 303
    assert back.headers["location"].startswith("http://127.0.0.1:4321/?code=")
    code = query(back.headers["location"])["code"]
    path = f"/git/connect/github/{begun['id']}/confirm"
    assert web.post(path, json={"code": code}).status_code == 200


def refused(answer: Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def test_forged_replayed_and_foreign_states_are_refused(
    web: TestClient, provider: FakeProvider, world: World
) -> None:
    url = web.get("/git/connect/github").json()["url"]
    forged = url.replace(query(url)["state"], "forged")
    assert "not begun here" in refused(come_back(web, forged, provider), 403)
    assert come_back(web, url, provider).status_code == 200
    assert "used already" in refused(come_back(web, url, provider), 403)
    lured = web.get("/git/connect/github").json()["url"]
    web.cookies.clear()
    assert "another browser" in refused(come_back(web, lured, provider), 403)
    assert rows(world, "git.callback") == 1


def test_an_expired_state_is_refused(
    web: TestClient, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.api.git import callback
    from shared.usecases.connecting import LIFETIME

    url = web.get("/git/connect/github").json()["url"]
    monkeypatch.setattr(callback, "now", lambda: now() + LIFETIME)
    assert "expired" in refused(come_back(web, url, provider), 410)


def test_who_does_not_agree_is_told_what_the_provider_said(
    web: TestClient, provider: FakeProvider
) -> None:
    url = web.get("/git/connect/github").json()["url"]
    said = {"error": "access_denied", "error_description": "The user <b>denied</b> it."}
    assert "denied" in refused(come_back(web, url, provider, **said), 403)
    assert provider.calls == []


def test_a_code_that_the_provider_refuses_leaves_nothing(
    web: TestClient, provider: FakeProvider, world: World
) -> None:
    url = web.get("/git/connect/github").json()["url"]
    refused(come_back(web, url, provider, code="stolen"), 422)
    assert web.get("/git/connections").json()["items"] == []
    assert rows(world, "git.callback") == 0


def test_an_unknown_provider_is_refused(web: TestClient) -> None:
    assert web.get("/git/connect/bitbucket").status_code == 422


def test_a_provider_that_is_not_set_up_says_how_to(api: TestClient) -> None:
    answer = api.get("/git/connect/gitlab")
    said = refused(answer, 422)
    assert "/git/callback/gitlab" in said
    assert "C2D_GITLAB_CLIENT_ID" in said


def test_repositories_branches_and_files_are_looked_through(
    web: TestClient, provider: FakeProvider, world: World
) -> None:
    connect(web, provider)
    provider.files |= {"package.json": b'{"scripts": {"start": "node ."}}', "index.js": b""}
    listed = web.get("/git/repos", params={"limit": 1}).json()
    assert [each["full_name"] for each in listed["items"]] == ["acme/web"]
    assert web.get("/git/repos", params={"search": "nothing"}).json()["items"] == []
    [branch] = web.get("/git/repos/acme/web/branches").json()["items"]
    assert branch["name"] == "main"
    tree = web.get("/git/repos/acme/web/tree", params={"ref": "main"}).json()
    assert {entry["path"] for entry in tree["items"]} == {"package.json", "index.js"}
    found = web.get("/git/repos/acme/web/detect").json()
    assert found["plan"]["language"] == "Node"
    assert found["plan"]["start_command"]
    assert rows(world, "git.repos") == 0


def test_a_repository_in_groups_is_named_with_its_slashes_encoded(
    web: TestClient, provider: FakeProvider
) -> None:
    connect(web, provider)
    provider.add("acme/apps/shop")
    for owner in ("acme%2Fapps", "acme/apps"):
        assert web.get(f"/git/repos/{owner}/shop/branches").status_code == 200
    assert web.get("/git/repos/acme%2F..%2Fx/shop/branches").status_code == 422


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/git/repos", {"cursor": "x"}),
        ("/git/repos/acme/web/tree", {"ref": "--upload-pack=x"}),
        ("/git/repos/acme/web/tree", {"folder": "a\0b"}),
        ("/git/repos", {"limit": "0"}),
    ],
)
def test_what_makes_no_sense_is_refused(
    web: TestClient, provider: FakeProvider, path: str, params: dict[str, str]
) -> None:
    connect(web, provider)
    assert web.get(path, params=params).status_code in {400, 422}


def test_another_organisations_connection_is_not_there(
    web: TestClient, provider: FakeProvider
) -> None:
    connection = connect(web, provider)
    other = {"x-as": "other"}
    id_ = connection["id"]
    assert web.get("/git/connections", headers=other).json()["items"] == []
    for method, path in (
        ("DELETE", f"/git/connections/{id_}"),
        ("GET", f"/git/connections/{id_}/hooks"),
        ("GET", f"/git/repos?connection_id={id_}"),
        ("GET", f"/git/repos/acme/web/branches?connection_id={id_}"),
    ):
        assert web.request(method, path, headers=other).status_code == 404, path


def test_a_service_of_a_connected_repository_shows_its_link_and_gives_it_up(
    web: TestClient, provider: FakeProvider, world: World
) -> None:
    connection = connect(web, provider)
    source = {"connection_id": connection["id"], "repository": "acme/web"}
    path = f"/projects/{world.project.id}/services"
    made = web.post(path, json={"name": "web", "source": source})
    assert made.status_code == 201, made.text
    service = made.json()
    assert service["source"]["repository_url"] == "https://git.example/acme/web.git"
    assert service["source"]["repository"] == "acme/web"
    assert service["git"]["webhook"] == "registered"
    assert service["git"]["state"] == "active"
    [hook] = web.get(f"/git/connections/{connection['id']}/hooks").json()["items"]
    assert hook["settled"]
    assert "secret" not in str(hook)
    rotated = web.post(f"/git/hooks/{hook['id']}/rotate")
    assert rotated.status_code == 200
    assert rotated.json()["previous_until"]
    assert rows(world, "git.rotate") == 1
    assert web.delete(f"/git/connections/{connection['id']}").status_code == 409
    gone = web.delete(f"/git/connections/{connection['id']}", params={"force": True}).json()
    assert [kept["name"] for kept in gone["will_keep"]] == ["web"]
    assert provider.hooks == {}
    after = web.get(f"/services/{service['id']}").json()
    assert after["git"] is None
    assert after["source"]["repository_url"] == "https://git.example/acme/web.git"


def test_a_lost_connection_is_shown_on_its_services(
    web: TestClient, provider: FakeProvider, world: World
) -> None:
    from datetime import timedelta

    from shared.usecases.connections import Access, check_connections

    connection = connect(web, provider)
    source = {"connection_id": connection["id"], "repository": "acme/web"}
    path = f"/projects/{world.project.id}/services"
    service = web.post(path, json={"name": "web", "source": source}).json()
    provider.live.clear()
    access = Access(world.store.unrecorded(), world.vault, provider.of)
    check_connections(access=access, at=now() + timedelta(hours=1), limit=5)
    [shown] = web.get("/git/connections").json()["items"]
    assert (shown["state"], shown["reason"]) == ("lost", "bad credentials")
    link = web.get(f"/services/{service['id']}").json()["git"]
    assert (link["state"], link["lost_reason"]) == ("lost", "bad credentials")
    assert refused(web.get("/git/repos"), 409)

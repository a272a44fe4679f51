"""What the API answers about projects, services, variables and deployments."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.domain.jobs import JobKind
from tests.endpoints.conftest import AGENT_TOKEN
from tests.usecases.world import World

REPOSITORY = {"repository_url": "https://git.example/acme/web.git", "branch": "main"}


@pytest.fixture
def service(api: TestClient, world: World) -> dict[str, Any]:
    body = {"name": "Web", "source": REPOSITORY}
    made = api.post(f"/projects/{world.project.id}/services", json=body)
    assert made.status_code == 201, made.text
    return dict(made.json())


def test_without_a_token_the_way_to_one_is_said(api: TestClient) -> None:
    answer = api.get("/projects", headers={"Authorization": ""})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "c2d login" in answer.json()["detail"]


def test_a_taken_name_is_a_conflict(api: TestClient) -> None:
    assert api.post("/projects", json={"name": "Shop"}).status_code == 409


def test_lists_go_on_from_their_cursor(api: TestClient) -> None:
    for number in range(4):
        api.post("/projects", json={"name": f"p{number}"})
    seen, cursor = [], None
    while True:
        page = api.get("/projects", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += [p["slug"] for p in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert seen == ["shop", "p0", "p1", "p2", "p3"]
    assert api.get("/projects", params={"cursor": "nonsense"}).status_code == 400


def test_a_service_says_where_it_answers(service: dict[str, Any]) -> None:
    assert service["url"] == "http://web-shop.localhost:7080"
    assert service["state"] == "new"
    assert service["running"] is None


def test_patch_changes_only_what_is_named(api: TestClient, service: dict[str, Any]) -> None:
    url = f"/services/{service['id']}"
    api.patch(url, json={"run": {"start_command": "serve"}})
    changed = api.patch(url, json={"run": {"port": 3000}, "health": {"path": "/up"}}).json()
    assert changed["run"]["start_command"] == "serve"
    assert (changed["run"]["port"], changed["health"]["path"]) == (3000, "/up")
    assert changed["source"] == service["source"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "x", "colour": "red"}, "colour"),
        ({"name": ""}, "name"),
        ({"name": "x", "run": {"port": 0}}, "run.port"),
        ({"name": "x", "source": {"repository_url": "u", "branch": "-evil"}}, "source.branch"),
    ],
)
def test_a_bad_field_is_named(
    api: TestClient, world: World, body: dict[str, Any], field: str
) -> None:
    answer = api.post(f"/projects/{world.project.id}/services", json=body)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [field]


REFUSED = ["/etc/passwd", "https://u:pw@host/x.git", "https://token@host/x.git"]


@pytest.mark.parametrize("url", [*REFUSED, "ext::sh -c id", "-x"])
def test_a_url_that_is_no_repository_is_refused(api: TestClient, world: World, url: str) -> None:
    body = {"name": "x", "source": {"repository_url": url}}
    answer = api.post(f"/projects/{world.project.id}/services", json=body)
    assert answer.status_code == 422, answer.text


def test_another_organisation_finds_nothing(
    api: TestClient, world: World, service: dict[str, Any]
) -> None:
    deployment = api.post(f"/services/{service['id']}/deploy").json()
    sid, did = service["id"], deployment["id"]
    calls = [
        ("GET", f"/projects/{world.project.id}"),
        ("PATCH", f"/projects/{world.project.id}"),
        ("DELETE", f"/projects/{world.project.id}"),
        ("GET", f"/projects/{world.project.id}/services"),
        ("POST", f"/projects/{world.project.id}/services"),
        *[(m, f"/services/{sid}") for m in ("GET", "PATCH", "DELETE")],
        *[("POST", f"/services/{sid}/{verb}") for verb in ("deploy", "restart", "env")],
        *[("GET", f"/services/{sid}/{what}") for what in ("deployments", "env", "logs")],
        ("GET", f"/services/{sid}/rollback-candidates"),
        ("POST", f"/services/{sid}/rollback/{did}"),
        ("PUT", f"/services/{sid}/env"),
        ("PATCH", f"/services/{sid}/env/KEY"),
        ("DELETE", f"/services/{sid}/env/KEY"),
        ("GET", f"/deployments/{did}"),
        *[("GET", f"/deployments/{did}/{what}") for what in ("steps", "logs", "logs/download")],
        *[("POST", f"/deployments/{did}/{verb}") for verb in ("cancel", "retry")],
    ]
    bodies = {
        f"/projects/{world.project.id}/services": {"name": "x"},
        f"/services/{sid}/env": {"key": "K", "value": "v"},
    }
    for method, url in calls:
        body = bodies.get(url, {}) if method in {"POST", "PATCH"} else None
        body = {"variables": []} if method == "PUT" else body
        answer = api.request(method, url, json=body, headers={"x-as": "other"})
        assert answer.status_code == 404, (method, url, answer.text)


def test_deploy_is_accepted_and_can_be_followed(api: TestClient, service: dict[str, Any]) -> None:
    answer = api.post(f"/services/{service['id']}/deploy", json={"sha": "abc1234"})
    assert answer.status_code == 202
    deployment = answer.json()
    assert (deployment["state"], deployment["number"]) == ("queued", 1)
    listed = api.get(f"/services/{service['id']}/deployments").json()["items"]
    assert [d["id"] for d in listed] == [deployment["id"]]
    assert api.get(f"/deployments/{deployment['id']}").json()["state"] == "queued"


@pytest.mark.parametrize(
    "body", [{"ref": "a b"}, {"ref": "--upload-pack=x"}, {"sha": "xyz"}, {"image": "a", "ref": "b"}]
)
def test_a_bad_ref_is_refused(
    api: TestClient, service: dict[str, Any], body: dict[str, str]
) -> None:
    assert api.post(f"/services/{service['id']}/deploy", json=body).status_code == 422


def test_a_secret_value_never_comes_back(api: TestClient, service: dict[str, Any]) -> None:
    url = f"/services/{service['id']}/env"
    made = api.post(url, json={"key": "API_KEY", "value": "hunter2hunter2", "secret": True})
    assert made.status_code == 201
    assert "hunter2" not in made.text + api.get(url).text
    assert api.get(url).json()["items"][0]["value"] is None
    assert api.post(url, json={"key": "API_KEY", "value": "x"}).status_code == 409
    assert api.patch(f"{url}/API_KEY", json={"secret": False}).status_code == 422
    assert api.delete(f"{url}/API_KEY").status_code == 204
    assert api.delete(f"{url}/API_KEY").status_code == 404


def test_a_dotenv_text_is_compared_before_it_is_written(
    api: TestClient, service: dict[str, Any]
) -> None:
    url = f"/services/{service['id']}/env"
    api.post(url, json={"key": "KEEP", "value": "1"})
    api.post(url, json={"key": "GONE", "value": "1"})
    text = "KEEP=1\nNEW='two words' # comment\n"
    plain = {"content-type": "text/plain"}
    shown = api.put(url, params={"dry_run": True}, content=text, headers=plain).json()
    assert (shown["added"], shown["removed"], shown["unchanged"]) == (["NEW"], ["GONE"], 1)
    assert len(api.get(url).json()["items"]) == 2
    api.put(url, content=text, headers=plain)
    values = {v["key"]: v["value"] for v in api.get(url).json()["items"]}
    assert values == {"KEEP": "1", "NEW": "two words"}


def test_deleting_says_first_what_would_go(
    api: TestClient, world: World, service: dict[str, Any]
) -> None:
    url = f"/projects/{world.project.id}"
    shown = api.delete(url, params={"dry_run": True})
    assert shown.status_code == 200
    assert [w["kind"] for w in shown.json()["will_remove"]] == ["service", "project"]
    assert api.get(url).json()["deleting"] is False
    api.patch(f"/services/{service['id']}", json={"deletion_protection": True})
    assert api.delete(url).status_code == 409


def test_an_agent_claims_beats_logs_and_reports(
    api: TestClient, world: World, service: dict[str, Any]
) -> None:
    from shared.usecases import building
    from tests.usecases.world import POLICY

    made = world.deploy(world.service("api"))
    world.acquire(made)
    building.request_build(world.attempt(made), policy=POLICY, **world.line)
    registered = {"Authorization": f"Bearer {AGENT_TOKEN}"}
    body = {"agent": "a1", "roles": ["build"]}
    assert api.post("/agent/jobs/claim", json=body).status_code == 401
    job = api.post("/agent/jobs/claim", json=body, headers=registered).json()["job"]
    assert job["kind"] == JobKind.BUILD
    assert "task_token" not in str(job)
    mine = {"Authorization": f"Bearer {job['token']}"}
    url = f"/agent/jobs/{job['id']}"
    assert api.post(f"{url}/heartbeat", json={}).status_code == 401
    assert api.post(f"{url}/heartbeat", json={}, headers=mine).json()["cancel"] is False
    line = {"at": "2026-01-01T00:00:00Z", "stream": "stdout", "text": "hello"}
    for _ in range(2):
        assert api.post(f"{url}/logs", json={"chunk": 0, "lines": [line]}, headers=mine).is_success
    logs = api.get(f"/deployments/{made.id}/logs").json()
    assert [i["text"] for i in logs["items"]] == ["hello"]
    assert api.get(f"{url}/secrets", headers=mine).json()["env"] == {}
    api.post(f"/deployments/{made.id}/cancel")
    assert api.post(f"{url}/heartbeat", json={}, headers=mine).json()["cancel"] is True
    result = {"outcome": "cancelled"}
    for _ in range(2):
        assert api.post(f"{url}/result", json=result, headers=mine).status_code == 204
    assert api.post(f"{url}/heartbeat", json={}, headers=mine).status_code == 410
    assert api.get(f"{url}/secrets", headers=mine).status_code == 410


def test_health_is_public(api: TestClient) -> None:
    assert api.get("/health", headers={"Authorization": ""}).json()["status"] == "ok"
    assert api.get("/health/ready", headers={"Authorization": ""}).status_code == 200


def test_an_unknown_path_is_a_problem_too(api: TestClient) -> None:
    answer = api.get("/nothing")
    assert (answer.status_code, answer.json()["type"]) == (404, "NotFound")


def test_a_malformed_set_is_refused_without_repeating_its_values(
    api: TestClient, service: dict[str, Any]
) -> None:
    url = f"/services/{service['id']}/env"
    body = {"variables": [{"key": "K", "value": ["hunter2"], "secret": True}]}
    answer = api.put(url, json=body)
    assert answer.status_code == 422
    assert "variables.0.value" in answer.json()["detail"]
    assert "hunter2" not in answer.text
    assert (
        api.put(url, content="{hunter2", headers={"content-type": "application/json"})
        .json()["detail"]
        .startswith("the body is not JSON")
    )

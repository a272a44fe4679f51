"""What the API answers about previews."""

from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from tests.usecases.git_world import Connected
from tests.usecases.requests import CLOSED, FIRST, FORK, OPENED, SECOND, Requests
from tests.usecases.world import World


@pytest.fixture
def requests(world: World) -> Requests:
    return Requests(Connected(world))


def test_previews_are_listed_with_where_they_run_and_how_they_do(
    api: TestClient, requests: Requests
) -> None:
    requests.on(OPENED)
    requests.on(replace(FORK, number=8))
    requests.on(replace(CLOSED, number=7))
    requests.on(replace(OPENED, number=9))
    url = f"/services/{requests.service.id}/previews"
    newest, *older = api.get(url).json()["items"]
    assert (newest["number"], newest["state"], newest["sha"]) == (9, "active", FIRST)
    assert newest["url"] == "http://web-pr-9-shop.localhost:7080"
    assert newest["deployment_state"] == "queued"
    assert [(p["number"], p["state"], p["url"]) for p in older] == [
        (8, "awaiting_approval", None),
        (7, "closed", None),
    ]
    assert older[1]["reason"] == "request 7 was closed"
    page = api.get(url, params={"limit": 2}).json()
    rest = api.get(url, params={"limit": 2, "cursor": page["next_cursor"]}).json()
    assert [p["number"] for p in page["items"] + rest["items"]] == [9, 8, 7]


def test_a_previews_service_says_whose_it_is(api: TestClient, requests: Requests) -> None:
    requests.on(OPENED)
    shown = api.get(f"/services/{requests.running().id}").json()
    assert shown["preview_of"] == str(requests.service.id)
    assert api.get(f"/services/{requests.service.id}").json()["preview_of"] is None


def test_a_fork_is_approved_by_commit_and_once(api: TestClient, requests: Requests) -> None:
    requests.on(FORK)
    url = f"/previews/{requests.preview().id}/approve"
    assert api.post(url, json={}).status_code == 422
    assert api.post(url, json={"sha": "1234567"}).status_code == 422
    refused = api.post(url, json={"sha": SECOND})
    assert (refused.status_code, refused.json()["type"]) == (409, "Conflict")
    assert FIRST in refused.json()["detail"]
    for _ in range(2):
        answer = api.post(url, json={"sha": FIRST})
        assert answer.status_code == 202
        assert (answer.json()["state"], answer.json()["deployment_state"]) == ("active", "queued")
    assert len(requests.deployments()) == 1


def test_a_removal_says_first_what_goes(api: TestClient, requests: Requests) -> None:
    requests.on(OPENED)
    url = f"/previews/{requests.preview().id}"
    shown = api.delete(url, params={"dry_run": True})
    assert shown.status_code == 200
    assert [w["kind"] for w in shown.json()["will_remove"]] == ["service", "preview"]
    assert requests.services()["web-pr-7"] == "new"
    assert api.delete(url).status_code == 202
    assert requests.services()["web-pr-7"] == "deleting"
    assert api.delete(url).status_code == 202


def test_deleting_a_service_names_its_previews(api: TestClient, requests: Requests) -> None:
    requests.on(OPENED)
    shown = api.delete(f"/services/{requests.service.id}", params={"dry_run": True}).json()
    assert [(w["kind"], w["name"]) for w in shown["will_remove"]] == [
        ("service", "web #7"),
        ("preview", "#7 Fix it"),
        ("service", "web"),
    ]


def test_another_organisation_and_a_viewer_can_do_nothing(
    api: TestClient, requests: Requests
) -> None:
    requests.on(FORK)
    preview = requests.preview()
    calls = [
        ("GET", f"/services/{requests.service.id}/previews", None),
        ("POST", f"/previews/{preview.id}/approve", {"sha": FIRST}),
        ("DELETE", f"/previews/{preview.id}", None),
    ]
    for method, url, body in calls:
        other = api.request(method, url, json=body, headers={"x-as": "other"})
        assert other.status_code == 404, url
        viewer = api.request(method, url, json=body, headers={"x-scopes": "read"})
        assert viewer.status_code == (200 if method == "GET" else 403), url
    assert requests.preview() == preview


def test_approval_and_removal_are_in_the_audit_log_once(
    api: TestClient, requests: Requests
) -> None:
    requests.on(FORK)
    id_ = requests.preview().id
    api.post(f"/previews/{id_}/approve", json={"sha": SECOND})
    api.post(f"/previews/{id_}/approve", json={"sha": FIRST})
    api.delete(f"/previews/{id_}", params={"dry_run": True})
    api.delete(f"/previews/{id_}")
    events = api.get("/audit").json()["items"]
    mine = [e for e in events if e["resource_kind"] == "preview"]
    assert [e["action"] for e in mine] == ["previews.delete", "previews.approve"]
    assert {e["resource_id"] for e in mine} == {str(id_)}
    assert mine[1]["detail"]["sha"] == FIRST

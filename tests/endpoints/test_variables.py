"""What the API answers about variables: versions, sealed values, references, raw text."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from shared.domain.audit import AuditEvent
from shared.ports.access import AuditFilter
from tests.usecases.world import ORGANIZATION, World

SECRET = "hunter2hunter2"


@pytest.fixture
def url(world: World) -> str:
    return f"/services/{world.service('web').id}/env"


def audited(world: World) -> list[AuditEvent]:
    with world.store:
        return list(world.store.audit.list(ORGANIZATION, AuditFilter(), 100, None).items)


def test_a_version_can_be_looked_at_compared_and_restored(api: TestClient, url: str) -> None:
    api.post(url, json={"key": "A", "value": "1"})
    api.post(url, json={"key": "B", "value": SECRET, "secret": True})
    api.patch(f"{url}/A", json={"value": "2"})
    api.delete(f"{url}/B")
    listed = api.get(f"{url}/versions", params={"limit": 3})
    told = ("number", "added", "changed", "removed")
    assert [tuple(v[name] for name in told) for v in listed.json()["items"]] == [
        (4, [], [], ["B"]),
        (3, [], ["A"], []),
        (2, ["B"], [], []),
    ]
    rest = api.get(f"{url}/versions", params={"cursor": listed.json()["next_cursor"]}).json()
    assert [v["number"] for v in rest["items"]] == [1]
    shown = api.get(url, params={"version": 2}).json()
    assert {v["key"]: v["value"] for v in shown["items"]} == {"A": "1", "B": None}
    compared = api.get(f"{url}/versions/4", params={"against": 2}).json()
    assert [(d["key"], d["before"], d["after"]) for d in compared["items"]] == [
        ("A", "1", "2"),
        ("B", None, None),
    ]
    assert api.get(f"{url}/versions/3").json()["items"][0]["after"] == "2"
    would = api.post(f"{url}/versions/2/restore", params={"dry_run": True}).json()
    assert (would["added"], would["changed"], would["version"]) == (["B"], ["A"], 4)
    assert api.post(f"{url}/versions/2/restore").json()["version"] == 5
    assert SECRET not in listed.text + api.get(url).text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/versions?cursor=nonsense", 400),
        ("GET", "/versions?cursor=99999999999", 400),
        ("GET", "/versions/7", 404),
        ("GET", "/versions/0", 422),
        ("GET", "/versions/99999999999", 422),
        ("GET", "?version=7", 404),
        ("GET", "?version=-1", 422),
        ("POST", "/versions/7/restore", 404),
        ("POST", "/NO_KEY/reveal", 404),
        ("GET", "/NO_KEY/reveal", 405),
    ],
)
def test_what_is_not_there_says_so(
    api: TestClient, url: str, method: str, path: str, status: int
) -> None:
    api.post(url, json={"key": "A", "value": "1"})
    answer = api.request(method, url + path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_secret_is_revealed_to_admins_and_that_is_written_down(
    api: TestClient, world: World, url: str
) -> None:
    api.post(url, json={"key": "API_KEY", "value": SECRET, "secret": True})
    before = len(audited(world))
    answer = api.post(f"{url}/API_KEY/reveal")
    assert answer.json() == {"key": "API_KEY", "value": SECRET}
    assert "no-store" in answer.headers["cache-control"]
    [event] = [e for e in audited(world) if e.action == "variables.reveal"]
    assert (event.resource_name, event.detail) == ("web", {"key": "API_KEY", "version": 1})
    assert len(audited(world)) == before + 1


def test_a_sealed_secret_is_revealed_to_nobody(api: TestClient, world: World, url: str) -> None:
    made = api.post(url, json={"key": "API_KEY", "value": SECRET, "sealed": True}).json()
    assert (made["secret"], made["sealed"], made["value"]) == (True, True, None)
    answer = api.post(f"{url}/API_KEY/reveal")
    assert (answer.status_code, answer.json()["type"]) == (403, "Forbidden")
    assert api.patch(f"{url}/API_KEY", json={"sealed": False}).status_code == 422
    assert not [e for e in audited(world) if e.action == "variables.reveal"]


def test_reveal_needs_more_than_writing(api: TestClient, url: str) -> None:
    api.post(url, json={"key": "API_KEY", "value": SECRET, "secret": True})
    api.headers["x-scopes"] = "read write deploy"
    assert api.post(f"{url}/API_KEY/reveal").status_code == 403
    api.headers["x-scopes"] = "read"
    assert api.get(f"{url}/versions").status_code == 200
    assert api.post(f"{url}/versions/1/restore").status_code == 403
    assert api.put(url, json={"variables": []}).status_code == 403


def test_the_audit_log_names_keys_and_no_values(api: TestClient, world: World, url: str) -> None:
    api.post(url, json={"key": "API_KEY", "value": SECRET, "secret": True})
    plain = {"content-type": "text/plain"}
    api.put(url, params={"dry_run": True}, content="B=1", headers=plain)
    api.put(url, content=f"B={SECRET}", headers=plain)
    events = [e for e in audited(world) if e.action.startswith("variables.")]
    told = {e.action: e.detail for e in events}
    assert told == {
        "variables.create": {"version": 1, "added": ["API_KEY"], "changed": [], "removed": []},
        "variables.replace": {"version": 2, "added": ["B"], "changed": [], "removed": ["API_KEY"]},
    }
    assert SECRET not in repr(events)


def test_raw_text_keeps_the_flags_of_what_is_there(api: TestClient, url: str) -> None:
    flags = {"secret": True, "available": "build"}
    api.post(url, json={"key": "TOKEN", "value": SECRET, **flags})
    text = "# build\nexport TOKEN=\"new\nvalue\"  # two lines\nPLAIN='a # b'\n"
    answer = api.put(url, content=text, headers={"content-type": "text/plain"})
    assert (answer.json()["added"], answer.json()["changed"]) == (["PLAIN"], ["TOKEN"])
    found = {v["key"]: v for v in api.get(url).json()["items"]}
    assert (found["TOKEN"]["secret"], found["TOKEN"]["available"]) == (True, "build")
    assert found["PLAIN"]["value"] == "a # b"
    assert api.post(f"{url}/TOKEN/reveal").json()["value"] == "new\nvalue"


def test_a_wrong_line_of_raw_text_is_named_without_its_content(api: TestClient, url: str) -> None:
    answer = api.put(url, content=f"A=1\n{SECRET}\n", headers={"content-type": "text/plain"})
    assert answer.status_code == 422
    assert "line 2" in answer.json()["detail"]
    assert SECRET not in answer.text


def test_references_are_checked_and_protected(api: TestClient, world: World, url: str) -> None:
    db = f"/services/{world.service('db').id}"
    refused = api.post(url, json={"key": "DSN", "value": "${{db.DSN}}"})
    assert refused.status_code == 422
    assert "the service db has no variable DSN" in refused.json()["detail"]
    api.post(f"{db}/env", json={"key": "DSN", "value": SECRET, "secret": True})
    made: dict[str, Any] = api.post(url, json={"key": "DSN", "value": "${{db.DSN}}"}).json()
    assert (made["value"], made["references"]) == ("${{db.DSN}}", ["db.DSN"])
    for path in (f"{db}/env/DSN", db):
        answer = api.delete(path)
        assert (answer.status_code, "web.DSN" in answer.json()["detail"]) == (409, True)
    assert api.delete(f"{db}/env/DSN", params={"force": True}).status_code == 204
    assert api.delete(db, params={"force": True}).status_code == 202


def test_what_runs_and_what_is_pending_is_said(api: TestClient, world: World, url: str) -> None:
    api.post(url, json={"key": "A", "value": "1"})
    before = api.get(url).json()
    assert (before["running_version"], before["pending_version"]) == (None, None)
    with world.store:
        [service] = world.store.services.all_everywhere()
    world.go_live(world.deploy(service))
    api.patch(f"{url}/A", json={"value": "2"})
    after = api.get(url).json()
    assert (after["version"], after["running_version"], after["pending_version"]) == (2, 1, 2)


def test_another_organisation_finds_nothing(api: TestClient, url: str) -> None:
    api.post(url, json={"key": "A", "value": "1"})
    for method, path in (
        ("GET", "/versions"),
        ("GET", "/versions/1"),
        ("POST", "/versions/1/restore"),
        ("POST", "/A/reveal"),
        ("GET", "?version=1"),
    ):
        answer = api.request(method, url + path, headers={"x-as": "other"})
        assert answer.status_code == 404, (method, path, answer.text)


def test_a_set_that_was_changed_meanwhile_is_not_replaced(api: TestClient, url: str) -> None:
    api.post(url, json={"key": "A", "value": "1"})
    seen = api.get(url)
    tag = seen.headers["etag"]
    assert api.get(url, headers={"If-None-Match": tag}).status_code == 304

    api.patch(f"{url}/A", json={"value": "2"})
    body = {"variables": [{"key": "B", "value": "3"}]}
    late = api.put(url, json=body, headers={"If-Match": tag})
    assert late.status_code == 412
    assert [v["key"] for v in api.get(url).json()["items"]] == ["A"]

    fresh = {"If-Match": api.get(url).headers["etag"]}
    assert api.put(url, json=body, headers=fresh).json()["removed"] == ["A"]

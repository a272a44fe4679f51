"""`GET /audit`: who did what, by page, by filter and as a file."""

import csv
import io
import json
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import Platform
from tests.api.scene import Scene

pytestmark = pytest.mark.postgres

BASE = "/v1/click-deploy"


@pytest.fixture
def client(platform: Platform, ours: Scene) -> TestClient:
    """Whoever has just made a project, renamed it, and made a service in it."""
    client = platform.client(ours.owner)
    project = client.post(f"{BASE}/projects", json={"name": f"=cmd({uuid4()})"}).json()
    client.patch(f"{BASE}/projects/{project['id']}", json={"name": "Blog", "description": "ours"})
    client.post(f"{BASE}/projects/{project['id']}/services", json={"name": "web"})
    return client


def listed(client: TestClient, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"{BASE}/audit", params=query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def test_the_newest_comes_first_and_says_what_was_changed(client: TestClient) -> None:
    service, rename, create = listed(client)
    assert [e["action"] for e in (service, rename, create)] == [
        "services.create",
        "projects.update",
        "projects.create",
    ]
    assert rename["detail"] == {"changed": ["name", "description"]}
    assert (rename["resource_kind"], rename["resource_name"]) == ("project", "Blog")
    assert service["detail"] == {"project": "Blog"}
    assert service["address"] == "testclient"


def test_filters_narrow_and_add_up(client: TestClient) -> None:
    service, rename, create = listed(client)
    assert listed(client, action="projects.update") == [rename]
    assert listed(client, resource_kind="service") == [service]
    assert listed(client, resource_id=create["resource_id"]) == [rename, create]
    assert listed(client, actor=create["actor_id"], resource_kind="project") == [rename, create]
    assert listed(client, actor="somebody else") == []
    assert listed(client, since=rename["created_at"]) == [service, rename]
    assert listed(client, until=rename["created_at"]) == [create]


def test_pages_have_no_gap_and_no_duplicate(client: TestClient) -> None:
    everything = listed(client)
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        query = {"limit": "1"} if cursor is None else {"limit": "1", "cursor": cursor}
        page = client.get(f"{BASE}/audit", params=query).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == everything


def test_as_csv_nothing_in_it_is_a_formula(client: TestClient) -> None:
    answer = client.get(f"{BASE}/audit", headers={"Accept": "text/csv"})
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["action"] for row in rows] == [e["action"] for e in listed(client)]
    assert rows[-1]["resource_name"].startswith("'=cmd(")
    assert json.loads(rows[1]["detail"]) == {"changed": ["name", "description"]}


def test_as_json_lines_each_line_is_an_event(client: TestClient) -> None:
    answer = client.get(f"{BASE}/audit", headers={"Accept": "application/x-ndjson"})
    assert [json.loads(line) for line in answer.text.splitlines()] == listed(client)


def test_only_an_administrator_reads_it(platform: Platform, ours: Scene) -> None:
    answer = platform.client(ours.viewer).get(f"{BASE}/audit")
    assert (answer.status_code, answer.json()["type"]) == (403, "Forbidden")


def test_a_reveal_is_in_it_and_the_value_is_not(platform: Platform, ours: Scene) -> None:
    client = platform.client(ours.owner)
    path = f"{BASE}/services/{ours.ids['service_id']}/env/SECRET/reveal"
    assert "s3cret-of-the-scene" in client.post(path).text
    [event] = listed(client)
    assert event["action"] == "variables.reveal"
    assert "s3cret" not in json.dumps(event)


def test_an_instant_without_a_time_zone_is_refused(client: TestClient) -> None:
    answer = client.get(f"{BASE}/audit", params={"since": "2026-01-01T00:00:00"})
    assert answer.status_code == 422

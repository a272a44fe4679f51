"""ETag, If-None-Match and If-Match: nobody overwrites what they have not seen."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.api.conftest import Platform
from tests.api.operations import document, operations
from tests.api.scene import Scene

pytestmark = pytest.mark.postgres

TAGGED = [o for o in operations() if "304" in o.described["responses"]]
GUARDED = [o for o in operations() if "If-Match" in o.names("header")]
CHANGES: dict[str, dict[str, Any]] = {
    "projects.update": {"description": "changed"},
    "services.update": {"run": {"port": 9000}},
    "canvas.save": {"document": {"nodes": [{"id": "a"}]}},
}


@pytest.fixture
def client(platform: Platform, ours: Scene) -> TestClient:
    return platform.client(ours.owner)


@pytest.mark.parametrize("operation", TAGGED, ids=lambda o: str(o.id))
def test_what_has_not_changed_is_not_sent_again(
    operation: Any, client: TestClient, ours: Scene
) -> None:
    url = ours.url(operation)
    first = client.get(url)
    assert first.status_code == 200
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(url, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("operation", GUARDED, ids=lambda o: str(o.id))
def test_a_change_of_what_somebody_else_changed_is_refused(
    operation: Any, platform: Platform, client: TestClient, ours: Scene
) -> None:
    url, body = ours.url(operation), CHANGES.get(operation.id, operation.sample)
    seen = client.get(url).headers["etag"]
    changed = client.request(operation.method, url, json=body, headers={"If-Match": seen})
    assert changed.status_code == 200, changed.text
    before = platform.rows(ours.organization_id)

    for stale in (seen, '"999-x"', "nonsense", '"' + "9" * 900 + '"'):
        late = client.request(operation.method, url, json=body, headers={"If-Match": stale})
        assert (late.status_code, late.json()["type"]) == (412, "PreconditionFailed"), stale
    assert platform.rows(ours.organization_id) == before

    now = client.get(url).headers["etag"]
    for fresh in (f'"1-a", {now}', "*"):
        answer = client.request(operation.method, url, json=body, headers={"If-Match": fresh})
        assert answer.status_code == 200, answer.text
        now = answer.headers.get("etag", now)


def test_of_ten_who_change_the_same_version_at_once_one_succeeds(
    platform: Platform, client: TestClient, ours: Scene
) -> None:
    url = f"/v1/click-deploy/projects/{ours.ids['project_id']}"
    tag = client.get(url).headers["etag"]

    def change(number: int) -> int:
        return (
            platform.client(ours.owner)
            .patch(url, json={"name": f"by {number}"}, headers={"If-Match": tag})
            .status_code
        )

    with ThreadPoolExecutor(10) as threads:
        answers = sorted(threads.map(change, range(10)))
    assert answers == [200] + [412] * 9


def test_what_a_row_does_not_say_changes_the_tag_and_guards_nothing(
    platform: Platform, client: TestClient, ours: Scene
) -> None:
    """Whether an instance is healthy is seen by a reader, and is no conflict for a writer."""
    url = f"/v1/click-deploy/services/{ours.ids['service_id']}"
    seen = client.get(url).headers["etag"]
    with platform.engine.begin() as connection:
        statement = "UPDATE instances SET healthy = false WHERE service_id = %(id)s"
        connection.exec_driver_sql(statement, {"id": ours.ids["service_id"]})
    assert client.get(url, headers={"If-None-Match": seen}).status_code == 200
    body = {"autodeploy": False}
    assert client.patch(url, json=body, headers={"If-Match": seen}).status_code == 200


def test_single_resources_are_tagged_and_the_document_says_so() -> None:
    assert {o.id for o in TAGGED} >= {
        "canvas.get",
        "deployments.get",
        "projects.get",
        "services.get",
    }
    assert {o.id for o in GUARDED} >= {"canvas.save", "projects.update", "services.update"}
    assert document()["openapi"] == "3.1.0"

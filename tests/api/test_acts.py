"""Who may change what, and what is left in the audit log of it."""

from uuid import uuid4

import pytest

from shared.domain.audit import AuditEvent
from tests.api.conftest import Platform
from tests.api.operations import Operation, operations
from tests.api.scene import Scene

pytestmark = pytest.mark.postgres

WRITING = [o for o in operations() if o.by_caller and o.writes]
DRY = [o for o in WRITING if "dry_run" in o.names("query")]
CREDENTIAL_READS = {"variables.reveal"}
NOT_IN_ONE_PROCESS = {
    "git.confirm": "needs an answer of the Git provider",
    "git.rotate": "registers webhooks at the Git provider",
}
"""Changes whose samples need somebody outside; tests with stand-ins show their audit rows."""
ALONE = [o for o in WRITING if o.id not in NOT_IN_ONE_PROCESS]


def shown(operation: Operation) -> str:
    return operation.id


def send(platform: Platform, scene: Scene, operation: Operation, **more: str):  # type: ignore[no-untyped-def]
    params = {"dry_run": "true"} if more.pop("dry_run", None) else None
    token = more.pop("token", scene.owner)
    return platform.client(token).request(
        operation.method,
        scene.url(operation),
        json=operation.sample,
        params=params,
        headers={name.replace("_", "-"): value for name, value in more.items()},
    )


@pytest.mark.parametrize("operation", ALONE, ids=shown)
def test_a_change_leaves_exactly_one_row_and_its_replay_none(
    operation: Operation, platform: Platform, ours: Scene
) -> None:
    key = str(uuid4())
    first = send(platform, ours, operation, idempotency_key=key, x_request_id="the-request")
    assert first.status_code < 300, first.text
    [event] = platform.audit(ours.organization_id)
    assert event.action == operation.id
    assert event.request_id == "the-request"
    assert event.resource_kind is not None
    assert event.resource_id is not None
    assert event.actor_kind == "token"
    after = platform.rows(ours.organization_id)

    again = send(platform, ours, operation, idempotency_key=key)

    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert platform.audit(ours.organization_id) == [event]
    assert platform.rows(ours.organization_id) == after


@pytest.mark.parametrize("operation", DRY, ids=shown)
def test_a_dry_run_changes_nothing_and_leaves_no_row(
    operation: Operation, platform: Platform, ours: Scene
) -> None:
    before = platform.rows(ours.organization_id)
    answer = send(platform, ours, operation, dry_run="true")
    assert answer.status_code == 200, answer.text
    assert platform.rows(ours.organization_id) == before
    assert platform.audit(ours.organization_id) == []


@pytest.mark.parametrize("operation", WRITING, ids=shown)
def test_a_viewer_can_change_nothing(operation: Operation, platform: Platform, ours: Scene) -> None:
    before = platform.rows(ours.organization_id)
    answer = send(platform, ours, operation, token=ours.viewer)
    assert (answer.status_code, answer.json()["type"]) == (403, "Forbidden")
    assert platform.rows(ours.organization_id) == before
    assert platform.audit(ours.organization_id) == []


@pytest.mark.parametrize("operation", WRITING, ids=shown)
def test_nobody_can_change_nothing(operation: Operation, platform: Platform, ours: Scene) -> None:
    before = platform.rows(ours.organization_id)
    answer = platform.client(None).request(
        operation.method, ours.url(operation), json=operation.sample
    )
    assert (answer.status_code, answer.json()["type"]) == (401, "Unauthenticated")
    assert platform.rows(ours.organization_id) == before


@pytest.mark.parametrize(
    "operation", [o for o in WRITING if "requestBody" in o.described], ids=shown
)
def test_a_refused_body_leaves_no_row(
    operation: Operation, platform: Platform, ours: Scene
) -> None:
    before = platform.rows(ours.organization_id)
    answer = platform.client(ours.owner).request(
        operation.method, ours.url(operation), json={"no such field": True}
    )
    assert answer.status_code == 422, answer.text
    assert platform.rows(ours.organization_id) == before
    assert platform.audit(ours.organization_id) == []


@pytest.mark.parametrize(
    "operation",
    [o for o in operations() if o.by_caller and not o.writes],
    ids=shown,
)
def test_looking_changes_nothing(operation: Operation, platform: Platform, ours: Scene) -> None:
    before = platform.rows(ours.organization_id)
    answer = send(platform, ours, operation)
    assert answer.status_code < 500, answer.text
    assert platform.rows(ours.organization_id) == before
    assert platform.audit(ours.organization_id) == []


def test_no_row_holds_a_secret(platform: Platform, ours: Scene) -> None:
    secret = "a-value-that-nobody-may-find"
    path = f"/v1/click-deploy/services/{ours.ids['service_id']}/env"
    body = {"key": "HIDDEN", "value": secret, "secret": True}
    assert platform.client(ours.owner).post(path, json=body).status_code == 201
    events: list[AuditEvent] = platform.audit(ours.organization_id)
    assert len(events) == 1
    assert secret not in str(events)


def test_the_walk_has_met_the_operations_there_are() -> None:
    assert len(ALONE) > 15
    assert {o.id for o in ALONE} >= CREDENTIAL_READS
    assert NOT_IN_ONE_PROCESS.keys() <= {o.id for o in WRITING}

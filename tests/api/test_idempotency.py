"""`Idempotency-Key`: whatever happens to the first request, its change is made at most once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared import bootstrap
from shared.domain.audit import Act
from shared.domain.errors import Conflict
from shared.domain.idempotency import ONCE, STALE, IdempotencyKey
from shared.domain.ids import now
from shared.usecases import idempotency
from shared.usecases.projects import create_project
from tests.api.conftest import Platform
from tests.api.scene import Scene

pytestmark = pytest.mark.postgres

PROJECTS = "/v1/click-deploy/projects"
BODY = {"name": "blog"}


class Killed(BaseException):
    """The process ends here: nothing after it runs, and the caller gets nothing."""


@pytest.fixture
def key() -> str:
    return str(uuid4())


def post(platform: Platform, scene: Scene, key: str, **body: Any):  # type: ignore[no-untyped-def]
    headers = {"Idempotency-Key": key}
    return platform.client(scene.owner).post(PROJECTS, json=body or BODY, headers=headers)


def projects(platform: Platform, scene: Scene) -> list[str]:
    return [row["name"] for row in platform.rows(scene.organization_id)["projects"]]


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Dies after the change is committed and before its answer is stored."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "finish", die)
        yield


def age(platform: Platform, column: str, by: timedelta) -> None:
    statement = text(f"UPDATE idempotency_keys SET {column} = {column} - :by")
    with platform.engine.begin() as connection:
        connection.execute(statement, {"by": by})


def test_after_a_kill_behind_the_commit_the_retry_learns_what_was_done(
    platform: Platform, ours: Scene, key: str, killed: None
) -> None:
    assert post(platform, ours, key).content == b""
    early = post(platform, ours, key)
    assert (early.status_code, early.headers["retry-after"]) == (409, "1")
    assert "was carried out (projects.create project blog" in early.json()["detail"]
    age(platform, "claimed_at", STALE)
    for _ in range(2):
        again = post(platform, ours, key)
        assert again.status_code == 409
        assert "its answer was lost" in again.json()["detail"]
        assert "was carried out" in again.json()["detail"]
        assert "projects.create project blog" in again.json()["detail"]
    assert projects(platform, ours).count("blog") == 1
    assert len(platform.audit(ours.organization_id)) == 1


def test_after_a_kill_before_the_commit_the_retry_makes_the_change(
    platform: Platform, ours: Scene, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("functions.api.projects.create.create_project", _dies)
        patch.setattr(idempotency, "finish", _dies)
        assert post(platform, ours, key).content == b""
    waits = post(platform, ours, key)
    assert (waits.status_code, waits.headers["retry-after"]) == (409, "1")
    assert "still running" in waits.json()["detail"]
    age(platform, "claimed_at", STALE)
    assert post(platform, ours, key).status_code == 201
    assert post(platform, ours, key).headers["idempotency-replayed"] == "true"
    assert projects(platform, ours).count("blog") == 1


def _dies(*_: object, **__: object) -> None:
    raise Killed


def test_a_request_thought_dead_cannot_commit_after_its_retry_took_over(
    platform: Platform, ours: Scene, key: str
) -> None:
    keys = bootstrap.idempotency_keys()
    given = (ours.organization_id, "someone", key, "hash")
    first = idempotency.begin(*given, keys=keys, vault=platform.vault)
    age(platform, "claimed_at", STALE)
    second = idempotency.begin(*given, keys=keys, vault=platform.vault)
    assert isinstance(first, IdempotencyKey)
    assert isinstance(second, IdempotencyKey)
    _create(ours, "second", second)
    with pytest.raises(Conflict, match="only the later one counts"):
        _create(ours, "first", first)
    assert "second" in projects(platform, ours)
    assert "first" not in projects(platform, ours)
    assert [e.resource_name for e in platform.audit(ours.organization_id)] == ["second"]


def _create(scene: Scene, name: str, key: IdempotencyKey) -> None:
    actor = _actor(scene)
    act = Act("projects.create", actor=actor, claim=key.claim)
    create_project(
        scene.organization_id, name=name, description="", uow=bootstrap.unit_of_work(act)
    )


def _actor(scene: Scene):  # type: ignore[no-untyped-def]
    from shared.usecases.tokens import actor_of_token

    return actor_of_token(scene.owner, bootstrap.unit_of_work())


def test_ten_equal_requests_at_once_make_one_change(
    platform: Platform, ours: Scene, key: str
) -> None:
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: post(platform, ours, key), range(10)))
    assert {a.status_code for a in answers} <= {201, 409}
    assert (
        sum(a.status_code == 201 and "idempotency-replayed" not in a.headers for a in answers) == 1
    )
    assert all(a.headers["retry-after"] == "1" for a in answers if a.status_code == 409)
    assert projects(platform, ours).count("blog") == 1


def test_the_same_key_for_another_request_is_refused(
    platform: Platform, ours: Scene, key: str
) -> None:
    assert post(platform, ours, key).status_code == 201
    other_body = post(platform, ours, key, name="another")
    headers = {"Idempotency-Key": key}
    path = f"{PROJECTS}/{ours.ids['project_id']}"
    other_path = platform.client(ours.owner).patch(path, json={"name": "x"}, headers=headers)
    for answer in (other_body, other_path):
        assert answer.status_code == 409
        assert "another request" in answer.json()["detail"]
    assert "another" not in projects(platform, ours)


def test_callers_do_not_share_keys(
    platform: Platform, ours: Scene, theirs: Scene, key: str
) -> None:
    assert post(platform, ours, key).status_code == 201
    answer = post(platform, theirs, key)
    assert answer.status_code == 201
    assert "idempotency-replayed" not in answer.headers


def test_a_refusal_is_replayed_and_a_failure_is_not(
    platform: Platform, ours: Scene, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = post(platform, ours, key, name=" ")
    assert (refused.status_code, post(platform, ours, key, name=" ").status_code) == (422, 422)
    other = str(uuid4())
    with monkeypatch.context() as patch:
        patch.setattr("functions.api.projects.create.create_project", _fails)
        failed = post(platform, ours, other)
    assert (failed.status_code, failed.headers["content-type"]) == (500, "application/problem+json")
    assert post(platform, ours, other).status_code == 201


def _fails(*_: object, **__: object) -> None:
    raise ZeroDivisionError


def test_a_secret_is_replayed_for_ten_minutes_and_then_said_to_be_shown(
    platform: Platform, ours: Scene, key: str
) -> None:
    client = platform.client(ours.owner)
    call: dict[str, Any] = {
        "json": {"name": "ci", "scopes": ["read"]},
        "headers": {"Idempotency-Key": key},
    }
    first = client.post("/v1/click-deploy/tokens", **call)
    assert first.status_code == 201, first.text
    token = first.json()["token"]
    assert client.post("/v1/click-deploy/tokens", **call).json()["token"] == token
    with platform.engine.connect() as connection:
        stored = str(connection.execute(text("SELECT * FROM idempotency_keys")).all())
    assert token not in stored
    age(platform, "answered_at", ONCE)
    late = client.post("/v1/click-deploy/tokens", **call)
    assert late.status_code == 409
    assert "shown once" in late.json()["detail"]


def test_retention_forgets_secrets_first_and_keys_after_a_day(
    platform: Platform, ours: Scene, key: str
) -> None:
    keys = bootstrap.idempotency_keys()
    begun = idempotency.begin(
        ours.organization_id, "ada", key, "hash", keys=keys, vault=platform.vault
    )
    assert isinstance(begun, IdempotencyKey)
    answer = idempotency.Answer(201, {}, b"the secret", shown_once=True)
    idempotency.finish(begun, answer, keys=keys, vault=platform.vault)
    stored = keys.find(ours.organization_id, "ada", key)
    assert stored is not None
    assert stored.sealed_body is not None
    age(platform, "answered_at", ONCE)
    idempotency.prune(keys=keys)
    stored = keys.find(ours.organization_id, "ada", key)
    assert stored is not None
    assert stored == replace(stored, sealed_body=None)
    age(platform, "created_at", timedelta(days=1))
    assert idempotency.prune(keys=keys) >= 1
    assert keys.find(ours.organization_id, "ada", key) is None
    assert stored.created_at < now()


@pytest.mark.parametrize("bad", ["", "x" * 256, "two words", "ünï"])
def test_a_key_that_is_none_is_refused(platform: Platform, ours: Scene, bad: str) -> None:
    headers = {"Idempotency-Key": bad.encode()}
    answer = platform.client(ours.owner).post(PROJECTS, json=BODY, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "Invalid")
    assert "blog" not in projects(platform, ours)

"""Webhooks and their deliveries over HTTP, as the platform's process serves them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from infra.local.webhooks import router as webhooks
from shared import bootstrap
from shared.domain.git import Provider
from shared.domain.signatures import signature
from shared.domain.webhooks import Verdict
from shared.http import deps
from shared.http.app import build_app
from shared.http.bodies import WEBHOOK_BYTES
from shared.ports.access import AuditFilter
from shared.settings import Settings
from tests.consumers.inbox import SECRET, Inbox
from tests.endpoints.conftest import SETTINGS
from tests.fakes import limits
from tests.usecases.world import World


@pytest.fixture
def inbox(world: World) -> Inbox:
    return Inbox(world.store, workflows=world.workflows)


@pytest.fixture
def outside(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Whoever can reach the platform; few requests are allowed from one address."""
    strict = Settings(**{**SETTINGS.model_dump(), "rate_limit_address": 3})
    monkeypatch.setattr(bootstrap, "settings", lambda: strict)
    monkeypatch.setattr(bootstrap, "unit_of_work", lambda _act=None: inbox.store)
    monkeypatch.setattr(bootstrap, "vault", lambda: inbox.vault)
    monkeypatch.setattr(bootstrap, "known_hooks", lambda: inbox.known)
    monkeypatch.setattr(bootstrap, "arrivals", inbox.arrivals)
    monkeypatch.setattr(bootstrap, "access_tokens", lambda: None)
    limits.install(monkeypatch)
    with TestClient(build_app([webhooks]), base_url="http://test") as client:
        yield client


@pytest.fixture
def api(api: TestClient, inbox: Inbox) -> TestClient:
    app: Any = api.app
    app.dependency_overrides[deps.webhook_queue] = lambda: inbox.queue
    return api


def headers(inbox: Inbox, body: bytes, **more: str) -> dict[str, str]:
    return {**inbox.incoming(body).headers, **more}


def test_a_push_is_taken_and_nobody_asks_who_sends_it_or_how_often(
    outside: TestClient, inbox: Inbox
) -> None:
    web = inbox.service()
    for number in range(20):
        body = json.dumps(inbox.push(str(number), before=str(number - 1)), indent=2).encode()
        answer = outside.post("/webhooks/github", content=body, headers=headers(inbox, body))
        assert answer.status_code == 202, answer.text
        assert answer.json()["state"] == "waiting"
    inbox.consume()
    assert len(inbox.deployments(web)) == 20


def test_a_wrong_signature_and_an_unknown_hook_are_problems(
    outside: TestClient, inbox: Inbox
) -> None:
    body = json.dumps(inbox.push()).encode()
    wrong = headers(inbox, body, **{"x-hub-signature-256": signature("another", body)})
    refused = outside.post("/webhooks/github", content=body, headers=wrong)
    assert (refused.status_code, refused.json()["type"]) == (401, "Unauthenticated")
    assert refused.headers["content-type"] == "application/problem+json"
    assert [delivery.verdict for delivery in inbox.all()] == [Verdict.REJECTED]
    unknown = headers(inbox, body, **{"x-github-hook-id": "0"})
    assert outside.post("/webhooks/github", content=body, headers=unknown).status_code == 404
    assert outside.post("/webhooks/gitlab", content=body).status_code == 404
    assert outside.get("/webhooks/github").status_code == 405


def test_gitlabs_idempotency_key_is_the_deliverys_and_not_the_apis(
    outside: TestClient, world: World
) -> None:
    inbox = Inbox(world.store, provider=Provider.GITLAB, workflows=world.workflows)
    body = b'{"object_kind": "note"}'
    given = inbox.incoming(body, "Note Hook", **{"idempotency-key": "abc"}).headers
    given = {**given, "x-gitlab-webhook-uuid": "other"}
    path = f"/webhooks/gitlab?hook={inbox.hook.provider_hook_id}"
    first, again = (outside.post(path, content=body, headers=dict(given)) for _ in "ab")
    assert (first.status_code, again.status_code) == (202, 202)
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_25_mb_is_not_read_and_leaves_a_verdict(
    outside: TestClient, inbox: Inbox, chunked: bool
) -> None:
    piece = b"x" * (1024 * 1024)

    def pieces() -> Iterator[bytes]:
        for _ in range(26):
            yield piece

    content: Any = pieces() if chunked else piece * 26
    assert 26 * len(piece) > WEBHOOK_BYTES
    answer = outside.post("/webhooks/github", content=content, headers=headers(inbox, b""))
    assert (answer.status_code, answer.json()["type"]) == (413, "TooLarge")
    [kept] = inbox.all()
    assert kept.verdict is Verdict.REJECTED
    assert "25 MB" in (kept.reason or "")


def test_no_body_at_all_is_refused(outside: TestClient, inbox: Inbox) -> None:
    answer = outside.post(
        "/webhooks/github", headers={"x-github-hook-id": inbox.hook.provider_hook_id or ""}
    )
    assert answer.status_code == 401


def test_deliveries_are_listed_newest_first_and_by_their_state(
    api: TestClient, inbox: Inbox
) -> None:
    inbox.service()
    inbox.decided(inbox.push("one", message="First"))
    inbox.decided(inbox.push("two", ref="refs/heads/dev"))
    inbox.deliver(inbox.push("three"))
    inbox.take(inbox.incoming(b"not json"))
    items = api.get("/webhook-deliveries").json()["items"]
    assert [each["state"] for each in items] == ["rejected", "waiting", "skipped", "deployed"]
    deployed = items[-1]
    assert (deployed["ref"], deployed["author"], deployed["message"]) == ("main", "ada", "First")
    assert len(deployed["deployment_ids"]) == 1
    for state in ("deployed", "skipped", "rejected", "waiting"):
        found = api.get("/webhook-deliveries", params={"state": state}).json()["items"]
        assert [each["state"] for each in found] == [state]
    assert api.get("/webhook-deliveries", params={"state": "dead"}).json()["items"] == []
    assert api.get("/webhook-deliveries", params={"state": "strange"}).status_code == 422
    first = api.get("/webhook-deliveries", params={"limit": 1}).json()
    second = api.get(
        "/webhook-deliveries", params={"limit": 1, "cursor": first["next_cursor"]}
    ).json()
    assert first["items"] + second["items"] == items[:2]
    assert SECRET not in json.dumps(items)


def test_one_is_replayed_by_whoever_may_deploy_and_that_is_written_down(
    api: TestClient, world: World, inbox: Inbox
) -> None:
    web = inbox.service()
    inbox.change(web, autodeploy=False)
    delivery = inbox.decided(inbox.push())
    inbox.change(web, autodeploy=True)
    path = f"/webhook-deliveries/{delivery.id}"
    assert api.post(f"{path}/replay", headers={"x-scopes": "read"}).status_code == 403
    assert api.post(f"{path}/replay", headers={"x-as": "other"}).status_code == 404
    assert api.get(path, headers={"x-as": "other"}).status_code == 404
    answer = api.post(f"{path}/replay")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    assert api.post(f"{path}/replay").status_code == 409
    world.store.acting(None)
    inbox.consume()
    assert api.get(path).json()["state"] == "deployed"
    with world.store as uow:
        [event] = [
            e
            for e in uow.audit.list(inbox.org, AuditFilter(), 10, None).items
            if e.action == "deliveries.replay"
        ]
    assert (event.resource_kind, event.resource_id) == ("delivery", str(delivery.id))

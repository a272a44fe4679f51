"""What every answer has around it, whoever asked and whatever came out."""

import gzip
import json
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from shared import bootstrap
from shared.adapters.postgres.limits import LimitWindows
from shared.http.app import build_app
from shared.http.local import modules
from shared.usecases.limits import Limiter
from tests.api.conftest import Platform
from tests.api.scene import Scene

pytestmark = pytest.mark.postgres

BASE = "/v1/click-deploy"
SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.fixture
def client(platform: Platform, ours: Scene) -> TestClient:
    return platform.client(ours.owner)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{BASE}/projects", 200),
        ("GET", f"{BASE}/projects/none", 422),
        ("GET", "/nowhere", 404),
        ("GET", f"{BASE}/projects/", 404),
        ("DELETE", f"{BASE}/projects", 405),
        ("GET", f"{BASE}/health", 200),
    ],
)
def test_every_answer_has_an_id_and_security_headers(
    client: TestClient, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert SECURITY.items() <= dict(answer.headers).items()
    assert len(answer.headers["x-request-id"]) == 32
    assert "strict-transport-security" not in answer.headers
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["status"], problem["instance"]) == (status, path)


def test_over_https_the_browser_stays_there(platform: Platform) -> None:
    client = TestClient(platform.app, base_url="https://platform.example")
    answer = client.get(f"{BASE}/health")
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")


def test_a_method_that_is_not_there_names_those_that_are(client: TestClient) -> None:
    assert "GET" in client.delete(f"{BASE}/health").headers["allow"]


@pytest.mark.parametrize(
    ("sent", "kept"), [("abc-123", True), ("x" * 129, False), ("a b", False), ("<script>", False)]
)
def test_a_request_id_goes_in_and_out_where_a_log_can_hold_it(
    client: TestClient, sent: str, kept: bool
) -> None:
    answer = client.get(f"{BASE}/health", headers={"X-Request-Id": sent})
    assert (answer.headers["x-request-id"] == sent) is kept


def test_what_nobody_foresaw_is_a_500_with_an_id_to_look_for(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("a secret detail")

    monkeypatch.setattr("functions.api.projects.create.create_project", broken)
    answer = client.post(
        f"{BASE}/projects", json={"name": "x"}, headers={"X-Request-Id": "find-me"}
    )
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECURITY.items() <= dict(answer.headers).items()
    assert "find-me" in answer.json()["detail"]
    assert "secret" not in answer.text
    assert "find-me" in caplog.text
    assert "a secret detail" in caplog.text


def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(
    platform: Platform, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.adapters.postgres.engine import make_engine

    away = make_engine("postgresql:///none?host=/nonexistent")
    monkeypatch.setattr(bootstrap, "engine", lambda: away)
    answer = client.get(f"{BASE}/projects")
    assert (answer.status_code, answer.json()["type"]) == (503, "Transient")
    assert answer.headers["retry-after"].isdigit()


def test_a_body_of_a_mebibyte_is_read_and_a_byte_more_is_not(client: TestClient) -> None:
    fits = json.dumps({"name": "x"}).encode().ljust(1024 * 1024)
    headers = {"Content-Type": "application/json"}
    assert client.post(f"{BASE}/projects", content=fits, headers=headers).status_code == 201
    over = client.post(f"{BASE}/projects", content=fits + b" ", headers=headers)
    assert (over.status_code, over.json()["type"]) == (413, "TooLarge")


def test_a_body_in_chunks_is_refused_before_it_is_read_in_full() -> None:
    """By hand, as a test client reads the whole body first."""
    import asyncio

    from shared.http.bodies import MOST_BYTES, BodyLimit

    taken = 0
    sent: list[dict[str, Any]] = []

    async def endpoint(*_: Any) -> None:
        raise AssertionError("the body is too large to be handed on")

    async def receive() -> dict[str, Any]:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b" " * 64 * 1024, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "headers": [(b"transfer-encoding", b"chunked")],
    }
    asyncio.run(BodyLimit(endpoint)(scope, receive, send))
    assert sent[0]["status"] == 413
    assert taken == MOST_BYTES // (64 * 1024) + 1
    taken = 0
    scope["headers"] = [(b"content-length", str(MOST_BYTES + 1).encode())]
    asyncio.run(BodyLimit(endpoint)(scope, receive, send))
    assert taken == 0


def test_long_answers_are_compressed_and_short_ones_are_not(client: TestClient) -> None:
    for number in range(8):
        assert client.post(f"{BASE}/projects", json={"name": f"p{number}"}).status_code == 201
    with client.stream("GET", f"{BASE}/projects", headers={"Accept-Encoding": "gzip"}) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(raw))["items"]) > 8
    assert "content-encoding" not in client.get(f"{BASE}/health").headers


ORIGIN = "https://page.example"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "PATCH",
    "Access-Control-Request-Headers": "authorization,if-match,idempotency-key",
}


@pytest.fixture
def app_for_pages(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    settings = platform.settings.model_copy(update={"cors_origins": f"{ORIGIN}, https://b.example"})
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    return TestClient(build_app(module.router for _, module in modules()))


def test_pages_of_other_origins_are_refused_unless_they_are_named(
    client: TestClient, app_for_pages: TestClient
) -> None:
    path = f"{BASE}/projects"
    assert "access-control-allow-origin" not in client.get(path, headers=PREFLIGHT).headers
    allowed = app_for_pages.options(path, headers=PREFLIGHT)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in allowed.headers
    other = app_for_pages.options(path, headers={**PREFLIGHT, "Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers
    exposed = app_for_pages.get(path, headers={"Origin": ORIGIN})
    assert exposed.status_code == 401
    assert "ETag" in exposed.headers["access-control-expose-headers"]


@pytest.fixture
def limited(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """Five requests a minute for everybody, counted from nothing."""
    few = {"rate_limit_user": 5, "rate_limit_address": 5, "rate_limit_failed": 5}
    settings = bootstrap.settings().model_copy(update=few)
    with platform.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM rate_limits")
    limiter = Limiter(LimitWindows(platform.engine))
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    monkeypatch.setattr(bootstrap, "limiter", lambda: limiter)
    return platform


def test_a_caller_has_so_many_requests_and_is_told_how_many_are_left(
    limited: Platform, ours: Scene, theirs: Scene
) -> None:
    client = limited.client(ours.owner)
    answers = [client.get(f"{BASE}/projects") for _ in range(6)]
    assert [a.status_code for a in answers] == [200] * 5 + [429]
    assert [a.headers["ratelimit-remaining"] for a in answers] == ["4", "3", "2", "1", "0", "0"]
    refused = answers[-1]
    assert refused.json()["type"] == "RateLimited"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["retry-after"] == refused.headers["ratelimit-reset"]
    assert refused.headers["ratelimit-limit"] == "5"
    assert limited.client(theirs.owner).get(f"{BASE}/projects").status_code == 200
    assert limited.audit(ours.organization_id) == []


def test_a_replay_counts_like_every_other_request(limited: Platform, ours: Scene) -> None:
    client = limited.client(ours.owner)
    headers = {"Idempotency-Key": "the-same"}
    sent = [client.post(f"{BASE}/projects", json={"name": "x"}, headers=headers) for _ in range(6)]
    assert [a.status_code for a in sent] == [201] * 5 + [429]


def test_who_fails_to_sign_in_is_limited_by_address_and_who_does_not_is_not(
    limited: Platform, ours: Scene
) -> None:
    wrong = limited.client("c2d_" + "x" * 43)
    assert [wrong.get(f"{BASE}/me").status_code for _ in range(7)] == [401] * 5 + [429] * 2
    agent = limited.client("c2da_wrong").post(
        f"{BASE}/agent/jobs/claim", json={"agent": "a", "roles": ["build"]}
    )
    assert agent.status_code == 429
    assert limited.client(ours.owner).get(f"{BASE}/me").status_code == 200


def test_what_asks_nobody_who_they_are_is_limited_by_address(limited: Platform) -> None:
    client = limited.client(None)
    assert [client.get(f"{BASE}/sign-in").status_code for _ in range(6)] == [200] * 5 + [429]
    assert [client.get(f"{BASE}/health").status_code for _ in range(9)] == [200] * 9


def test_without_the_database_requests_are_not_counted_and_health_answers(
    limited: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.adapters.postgres.engine import make_engine

    away = make_engine("postgresql:///none?host=/nonexistent")
    limiter = Limiter(LimitWindows(away))
    monkeypatch.setattr(bootstrap, "limiter", lambda: limiter)
    assert limited.client(None).get(f"{BASE}/sign-in").status_code == 200


def test_an_endpoint_is_limited_the_day_it_is_added() -> None:
    """By caller if it asks who calls, by address if it does not: nobody has to remember."""
    from shared.http.app import _limits

    free = [
        name
        for name, module in modules()
        if isinstance(module.router, APIRouter) and not _limits(module.router)
    ]
    assert "functions.api.sign_in.get" not in free
    assert "functions.api.health.get" in free
    assert "functions.api.projects.list" in free


@pytest.mark.parametrize("allowed", [True, False])
def test_a_private_repository_is_refused_unless_a_setting_allows_it(
    platform: Platform,
    client: TestClient,
    ours: Scene,
    monkeypatch: pytest.MonkeyPatch,
    allowed: bool,
) -> None:
    settings = platform.settings.model_copy(update={"allow_private_git": allowed})
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    body = {"source": {"repository_url": "http://169.254.169.254/a.git"}}
    answer = client.patch(f"{BASE}/services/{ours.ids['service_id']}", json=body)
    assert answer.status_code == (200 if allowed else 422), answer.text

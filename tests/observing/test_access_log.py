"""Which requests have a line, and what it never says."""

from collections.abc import Iterator
from functools import partial

import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient
from starlette.requests import Request
from starlette.responses import Response

from shared import bootstrap
from shared.http.app import build_app
from shared.settings import Settings
from tests.observing.written import Written

router = APIRouter()


@router.get("/read/{service_id}")
def read(service_id: str) -> str:
    return service_id


@router.post("/change/{service_id}")
def change(service_id: str) -> str:
    return service_id


@router.get("/broken")
def broken() -> str:
    raise RuntimeError("it broke")


@router.post("/beat")
def beat() -> str:
    return "fine"


async def hook(provider: str, _request: Request) -> Response:
    return Response(provider)


router.add_route("/hooks/github", partial(hook, "github"), methods=["POST"])


@pytest.fixture
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    settings = Settings(access_log=request.param, rate_limit_address=0)
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    monkeypatch.setattr("shared.http.access_log._ROUTINE", (f"{__name__}.routine",))
    for routine in (beat, hook):
        monkeypatch.setattr(routine, "__module__", f"{__name__}.routine")
    with TestClient(build_app([router])) as made:
        yield made


def routes(written: Written) -> list[tuple[str, int]]:
    lines = [line for line in written.lines() if line["message"] == "request"]
    return [(line["route"], line["status"]) for line in lines]


def ask_everything(client: TestClient) -> None:
    client.get("/read/one", params={"token": "in-the-query"})
    client.post("/change/two", json={"value": "in-the-body"}, headers={"cookie": "in-a-header"})
    client.get("/broken")
    client.post("/beat")
    client.post("/hooks/github")
    client.get("/nowhere/in-the-path")


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        (
            "all",
            [
                ("/read/{service_id}", 200),
                ("/change/{service_id}", 200),
                ("/broken", 500),
                ("/beat", 200),
                (f"{__name__}.routine", 200),
                ("none", 404),
            ],
        ),
        ("changes", [("/change/{service_id}", 200), ("/broken", 500)]),
        ("none", []),
    ],
    indirect=["client"],
)
def test_requests_have_lines_by_setting(
    client: TestClient, expected: list[tuple[str, int]], written: Written
) -> None:
    ask_everything(client)
    assert routes(written) == expected


@pytest.mark.parametrize("client", ["all"], indirect=True)
def test_what_a_caller_sends_is_never_written(client: TestClient, written: Written) -> None:
    ask_everything(client)
    lines = [line for line in written.lines() if line["message"] == "request"]
    assert [line.get("service_id") for line in lines] == ["one", "two", *[None] * 4]
    for sent in ("in-the-query", "in-the-body", "in-a-header", "in-the-path"):
        assert sent not in written.text


@pytest.mark.parametrize("client", ["all"], indirect=True)
def test_a_failure_has_the_id_that_its_caller_was_told(
    client: TestClient, written: Written
) -> None:
    told = client.get("/broken").headers["x-request-id"]
    failed, request = written.lines()
    assert (failed["level"], failed["exception"]) == ("ERROR", "RuntimeError")
    assert failed["request_id"] == request["request_id"] == told


@pytest.mark.parametrize(("home", "lines"), [("dbos", "changes"), ("step_functions", "all")])
def test_the_home_decides_where_nobody_did(home: str, lines: str) -> None:
    assert Settings(workflows=home).logged_requests == lines
    assert Settings(workflows=home, access_log="none").logged_requests == "none"

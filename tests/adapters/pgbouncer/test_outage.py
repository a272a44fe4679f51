"""Every function without a database: said at once, in the words its caller acts on."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from infra.generate.events import path_of
from infra.generate.functions import Endpoint, Function, consumers, endpoints, tasks
from infra.generate.functions import schedules as scheduled
from infra.generate.functions import webhooks as receivers
from shared import bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.adapters.postgres import pooled
from shared.adapters.postgres.engine import pooled_engine
from shared.adapters.postgres.limits import LimitWindows
from shared.domain.access import LOCAL_ORGANIZATION
from shared.domain.errors import Transient
from shared.http.entry import lambda_handler
from shared.ports.patience import API_SECONDS
from shared.settings import Settings
from shared.usecases.known_hooks import KnownHooks
from shared.usecases.limits import Limiter
from tests.fakes.queue import FakeQueue
from tests.fakes.vault import FakeVault
from tests.fakes.workflows import FakeWorkflows

WITHOUT_A_DATABASE = {
    "api.health.get": 200,  # the process lives
    "api.sign_in.get": 200,  # where people sign in is a setting
    "api.git.callback": 422,  # the sample has no state, which is said before anything is looked up
    "api.me.get": 200,  # the sample's caller is known by a setting
    "api.health.ready": 503,  # a report, not an error
}
SETTINGS = Settings(
    workflows="step_functions",
    queues="sqs",
    api_token="c2d_sample",
    agent_token="c2da_sample",
    operator_organization=LOCAL_ORGANIZATION,
    github_client_id="id",
    github_client_secret="secret",
)


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Mangum runs endpoints on the thread's event loop, and makes one that it never closes."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


@pytest.fixture(autouse=True)
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pooler refuses every connection."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    engine = pooled_engine(f"postgresql://u:p@127.0.0.1:{port}/d")
    limiter, hooks = Limiter(LimitWindows(engine)), KnownHooks()
    vault, queue, workflows = FakeVault(), FakeQueue(), FakeWorkflows()
    bootstrap.arrivals.cache_clear()
    monkeypatch.setattr(pooled, "_PAUSE_MILLISECONDS", (1, 2))
    monkeypatch.setattr(bootstrap, "settings", lambda: SETTINGS)
    monkeypatch.setattr(bootstrap, "engine", lambda: engine)
    monkeypatch.setattr(bootstrap, "limiter", lambda: limiter)
    monkeypatch.setattr(bootstrap, "known_hooks", lambda: hooks)
    monkeypatch.setattr(bootstrap, "vault", lambda: vault)
    monkeypatch.setattr(bootstrap, "webhook_queue", lambda: queue)
    monkeypatch.setattr(bootstrap, "workflows", lambda: workflows)


def _place(function: Function) -> str:
    return function.handler.removesuffix(".handler")


def invoked(function: Function) -> Any:
    """Its own handler, built anew, with its sample event."""
    module = import_module(f"functions.{_place(function)}")
    router = getattr(module, "router", None)
    handler = module.handler if router is None else lambda_handler(router)
    event = json.loads(path_of(_place(function)).read_text())
    return handler(event, LocalContext(function.name))


@pytest.mark.parametrize("endpoint", [*endpoints(), *receivers()], ids=lambda e: e.name)
def test_an_endpoint_answers_503_and_when_to_come_back(endpoint: Endpoint) -> None:
    began = time.monotonic()
    answer = invoked(endpoint)
    headers = {name.lower(): value for name, value in answer["headers"].items()}
    if endpoint.name in WITHOUT_A_DATABASE:
        assert answer["statusCode"] == WITHOUT_A_DATABASE[endpoint.name], answer["body"]
        return
    assert answer["statusCode"] == 503, answer["body"]
    assert 1 <= int(headers["retry-after"]) <= 5
    assert time.monotonic() - began < API_SECONDS


@pytest.mark.parametrize("function", list(tasks()), ids=lambda f: f.name)
def test_a_task_fails_with_what_its_state_retries(function: Function) -> None:
    with pytest.raises(Transient):
        invoked(function)


@pytest.mark.parametrize("function", list(consumers()), ids=lambda f: f.name)
def test_a_consumer_gives_its_messages_back(function: Function) -> None:
    event = json.loads(path_of(function.name).read_text())
    answer = invoked(function)
    given = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert given == [record["messageId"] for record in event["Records"]]


@pytest.mark.parametrize("function", list(scheduled()), ids=lambda f: f.name)
def test_a_schedule_ends_and_says_why(function: Function, caplog: pytest.LogCaptureFixture) -> None:
    began = time.monotonic()
    try:
        invoked(function)
    except Transient:
        return
    finally:
        assert time.monotonic() - began < API_SECONDS
    steps = [record for record in caplog.records if record.message == "step failed"]
    assert {getattr(step, "more")["error"] for step in steps} == {"Transient"}  # noqa: B009

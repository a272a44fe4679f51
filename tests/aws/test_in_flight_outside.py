"""Messages, events and calls of earlier releases that arrive at this one."""

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from infra.agent.build.spec import read_spec
from infra.agent.settings import Settings
from infra.generate.events import SAMPLE_ID
from infra.generate.functions import Endpoint, consumers, endpoints, schedules
from shared import VERSION, bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.domain import payloads
from shared.domain.errors import Conflict, Invalid
from tests.architecture import test_events as samples
from tests.aws.record import RELEASES, recorded
from tests.usecases.world import World

Recorded = dict[str, Any]
each_release = pytest.mark.parametrize("release", RELEASES)
world = samples.world
"""A build is in an agent's hands."""


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the consumer of webhooks was asked to decide on."""
    module = import_module("functions.consumers.webhooks")
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(module, "decide", lambda *ids, tools, at: seen.append(ids))
    for name in ("workflows", "vault", "git_access", "preview_policy", "unit_of_work"):
        monkeypatch.setattr(bootstrap, name, lambda: None)
    return seen


def consume(event: Recorded) -> Recorded:
    handler = import_module("functions.consumers.webhooks").handler
    answer: Recorded = handler(event, LocalContext("webhooks"))
    return answer


@each_release
def test_a_consumer_takes_the_messages_that_wait(
    release: str, decided: list[tuple[Any, ...]]
) -> None:
    told = recorded(release, "messages")
    assert told.keys() <= {f.name.removeprefix("consumers.") for f in consumers()}
    assert consume(told["webhooks"]) == {"batchItemFailures": []}
    [record_] = told["webhooks"]["Records"]
    [(organization_id, delivery_id)] = decided
    body = json.loads(record_["body"])
    assert body["organization_id"] == str(organization_id)
    assert body["delivery_id"] == str(delivery_id)


def test_a_message_of_a_newer_release_goes_back_to_its_queue(
    decided: list[tuple[Any, ...]],
) -> None:
    event = json.loads(json.dumps(recorded(VERSION, "messages")["webhooks"]))
    [message] = event["Records"]
    message["body"] = json.dumps(json.loads(message["body"]) | {"version": payloads.VERSION + 1})
    failed = consume(event)["batchItemFailures"]
    assert failed == [{"itemIdentifier": message["messageId"]}]
    assert decided == []


@each_release
def test_schedules_take_the_events_that_are_on_their_way(release: str) -> None:
    told = recorded(release, "schedules")
    assert told.keys() <= {schedule.name for schedule in schedules()}
    assert all(event == {} for event in told.values()), "test_handlers runs each with this"


def _endpoint(method: str, path: str) -> Endpoint:
    [found] = [
        e
        for e in endpoints()
        if e.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", e.path), path)
    ]
    return found


def said(call: Recorded) -> Recorded:
    """The API's answer to an agent whose job is a build."""
    endpoint = _endpoint(call["method"], call["path"].replace("{job}", SAMPLE_ID))
    body = None if call["body"] is None else json.dumps(call["body"])
    return samples.call(endpoint, body=body)


@each_release
@pytest.mark.parametrize("number", range(len(recorded(VERSION, "agent"))))
def test_the_api_takes_what_agents_of_an_earlier_release_say(
    release: str, number: int, world: World
) -> None:
    """Agents are upgraded after the platform: until then the earlier one calls."""
    for call in recorded(release, "agent")[number : number + 1]:
        answer = said(call)
        assert answer["statusCode"] in {200, 204}, answer["body"]


@each_release
def test_an_agent_reads_the_builds_that_an_earlier_release_queued(
    release: str, tmp_path: Path
) -> None:
    settings = Settings(url="http://api", token="t", name="a", roles=("build",), home=tmp_path)
    told = [job for entry in recorded(release, "life")["entries"] for job in entry.get("jobs", [])]
    builds = [read_spec(job["spec"], settings) for job in told if job["kind"] == "build"]
    assert [build.source.url for build in builds] == ["https://git.example/acme/web.git"] * 2


def test_an_agent_of_a_newer_release_is_told_to_come_back(world: World) -> None:
    assert said(_claim(payloads.PROTOCOL + 1))["statusCode"] == Conflict.status


def test_an_agent_that_is_too_old_is_told_what_to_do(world: World) -> None:
    answer = said(_claim(payloads.OLDEST_PROTOCOL - 1))
    assert answer["statusCode"] == Invalid.status
    assert "install the agent of this release" in answer["body"]


def _claim(protocol: int) -> Recorded:
    first: Recorded = recorded(VERSION, "agent")[0]
    return first | {"body": first["body"] | {"protocol": protocol}}

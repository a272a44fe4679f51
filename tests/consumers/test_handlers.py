"""The functions as Lambda calls them: samples, encodings, batches, what failed of them."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any
from uuid import UUID, uuid4

import pytest

from infra.generate.events import path_of
from infra.generate.functions import consumers, webhooks
from shared import bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.domain.errors import Transient
from shared.domain.git import Provider
from shared.domain.signatures import signature
from shared.domain.webhooks import Verdict
from shared.ports.queues import Message
from shared.runtime import queues as runtime
from shared.settings import Settings
from shared.usecases.intake import BODY_LIMIT
from shared.usecases.preview_following import PreviewPolicy
from tests.consumers.inbox import SECRET, Inbox

SAMPLES = [function.name for function in webhooks()]
Call = Callable[..., dict[str, Any]]


@pytest.fixture
def call(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> Call:
    providers: dict[str, Any] = {
        "unit_of_work": inbox.store,
        "workflows": inbox.workflows,
        "vault": inbox.vault,
        "webhook_queue": inbox.queue,
        "known_hooks": inbox.known,
        "arrivals": inbox.arrivals(),
        "git_access": inbox.tools().reach,
        "preview_policy": PreviewPolicy(),
        "settings": Settings(),
    }
    for name, provider in providers.items():
        monkeypatch.setattr(bootstrap, name, lambda p=provider: p)

    def run(name: str, event: dict[str, Any]) -> dict[str, Any]:
        handler = import_module(f"functions.{name}").handler
        answer: dict[str, Any] = handler(event, LocalContext(name))
        return answer

    return run


def sample(name: str, **changed: Any) -> dict[str, Any]:
    return {**json.loads(path_of(name).read_text()), **changed}


def wanting(inbox: Inbox, **hook: Any) -> None:
    """The hook of the samples."""
    with inbox.store as uow:
        uow.hooks.save(replace(inbox.hook, **hook))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_taken(inbox: Inbox, call: Call, name: str) -> None:
    sealed = inbox.vault.seal("sample", str(inbox.hook.id))
    provider = Provider(name.removeprefix("webhooks."))
    wanting(inbox, provider=provider, provider_hook_id="1", sealed_secret=sealed)
    answer = call(name, sample(name))
    assert answer["statusCode"] == 202
    assert json.loads(answer["body"])["state"] == "skipped"
    assert json.loads(call(name, sample(name))["body"])["duplicate"] is True


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_of_a_hook_that_is_not_there_is_a_problem(call: Call, name: str) -> None:
    answer = call(name, sample(name))
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (
        404,
        "application/problem+json",
    )
    assert json.loads(answer["body"])["instance"] == f"/{name.replace('.', '/')}"


def github(inbox: Inbox, body: bytes, **changed: Any) -> dict[str, Any]:
    headers = {
        "X-GitHub-Hook-ID": inbox.hook.provider_hook_id,
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": str(uuid4()),
        "X-Hub-Signature-256": signature(SECRET, body),
    }
    return sample("webhooks.github", headers=headers, body=body.decode(), **changed)


def test_the_signature_is_of_the_bytes_as_they_were_sent(inbox: Inbox, call: Call) -> None:
    inbox.service()
    body = json.dumps(inbox.push(message="grüße 🛒"), ensure_ascii=False, indent=3).encode()
    plain = call("webhooks.github", github(inbox, body))
    assert plain["statusCode"] == 202
    event = github(inbox, body)
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    assert call("webhooks.github", event)["statusCode"] == 202
    inbox.consume()
    assert [d.payload["event"]["message"] for d in inbox.all()] == ["grüße 🛒"] * 2


def test_a_wrong_signature_is_unauthenticated(inbox: Inbox, call: Call) -> None:
    event = github(inbox, b"{}")
    event["headers"]["X-Hub-Signature-256"] = "sha256=0"
    assert call("webhooks.github", event)["statusCode"] == 401
    assert inbox.all()[0].verdict is Verdict.REJECTED


def test_a_body_over_the_limit_is_too_large_and_leaves_a_verdict(inbox: Inbox, call: Call) -> None:
    event = github(inbox, b"x" * (BODY_LIMIT + 1))
    assert call("webhooks.github", event)["statusCode"] == 413
    assert inbox.all()[0].verdict is Verdict.REJECTED


@pytest.mark.parametrize("broken", [{"headers": None}, {"body": None}, {"headers": {}}])
def test_nothing_that_is_missing_makes_it_fail(
    inbox: Inbox, call: Call, broken: dict[str, Any]
) -> None:
    answer = call("webhooks.github", {**github(inbox, b"{}"), **broken})
    assert answer["statusCode"] in {401, 404}


def test_the_sample_of_a_batch_about_nothing_is_done(call: Call) -> None:
    for function in consumers():
        assert call(function.name, sample(function.name)) == {"batchItemFailures": []}


def batch(inbox: Inbox, *bodies: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    messages = [Message(f"m{n}", body, group, 1) for n, (group, body) in enumerate(bodies)]
    return runtime.event_of(messages)


def test_a_failure_stops_its_group_and_no_other(
    inbox: Inbox, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = inbox.service()
    bodies = []
    for number in range(3):
        delivery = inbox.deliver(inbox.push(str(number), before=str(number - 1))).delivery
        bodies.append({"organization_id": str(inbox.org), "delivery_id": str(delivery.id)})
    first, second, third = bodies
    poison = {**second, "delivery_id": "no id"}
    event = batch(inbox, ("a", first), ("a", poison), ("a", third), ("b", second))
    failed = call("consumers.webhooks", event)["batchItemFailures"]
    assert failed == [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]
    verdicts = [delivery.verdict for delivery in inbox.all()]
    assert verdicts == [Verdict.DEPLOYED, Verdict.DEPLOYED, None]
    assert len(inbox.deployments(web)) == 2
    assert call("consumers.webhooks", batch(inbox, ("a", poison)))["batchItemFailures"]


def test_a_failure_is_counted_on_the_delivery(
    inbox: Inbox, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.service()
    delivery = inbox.deliver(inbox.push()).delivery
    body = {"organization_id": str(inbox.org), "delivery_id": str(delivery.id)}
    with monkeypatch.context() as broken:
        broken.setattr("functions.consumers.webhooks.decide", _fails(ValueError("a bug")))
        assert call("consumers.webhooks", batch(inbox, ("a", body)))["batchItemFailures"]
        broken.setattr("functions.consumers.webhooks.decide", _fails(Transient("away")))
        assert call("consumers.webhooks", batch(inbox, ("a", body)))["batchItemFailures"]
    assert inbox.get(delivery).failures == 1
    assert call("consumers.webhooks", batch(inbox, ("a", body))) == {"batchItemFailures": []}
    assert inbox.get(delivery).verdict is Verdict.DEPLOYED


def _fails(error: Exception) -> Callable[..., None]:
    def decide(*_: UUID, **__: Any) -> None:
        raise error

    return decide

"""What CloudWatch reads from the log: whether it takes it, and whether it says the truth."""

import json
from dataclasses import replace
from datetime import timedelta
from time import time
from typing import Any

import pytest

from shared import bootstrap
from shared.domain.errors import Transient
from shared.domain.ids import new_id, now
from shared.domain.jobs import Agent
from shared.domain.resources import Resource, ResourceKind, ResourceState
from shared.observing import metrics
from shared.runtime.queues import event_of
from shared.settings import Settings
from tests.observing.embedded import violations
from tests.observing.scene import API_TOKEN, AT_AN_AGENT, SETTINGS, Scene
from tests.observing.written import Written
from tests.tasks.test_handlers import PATH
from tests.usecases.world import ORGANIZATION

ALL = {
    "AgentsSeen",
    "BuildSeconds",
    "DeploymentSeconds",
    "DeploymentsEnded",
    "DeploymentsStarted",
    "MessagesDecided",
    "QueueWaitSeconds",
    "ReportsLate",
    "ResourcesNeedingAttention",
    "StepSeconds",
    "WebhooksReceived",
    "WebhooksRejected",
}
"""Of a deployment by a push and a minute of the clock."""


def a_day(scene: Scene) -> None:
    """A push that goes live, one that is refused, and the schedule that counts."""
    scene.inbox.service()
    scene.push()
    scene.push(**{"x-hub-signature-256": "sha256=0"})
    scene.consume()
    scene.execute()
    scene.call("scheduled.reconcile", {})


def test_every_document_keeps_the_rules_of_the_format(scene: Scene, written: Written) -> None:
    a_day(scene)
    documents = written.metrics()
    lines = [line for line in written.text.splitlines() if "_aws" in json.loads(line)]
    assert {v for line in lines for v in violations(line, time())} == set()
    directives = [d for doc in documents for d in doc["_aws"]["CloudWatchMetrics"]]
    assert {m["Name"] for d in directives for m in d["Metrics"]} == ALL
    assert {d["Namespace"] for d in directives} == {"ClickToDeploy"}
    assert {doc["Stage"] for doc in documents} == {"test"}
    assert {len(names) for d in directives for names in d["Dimensions"]} == {1, 2}


def test_the_rules_would_refuse_what_is_wrong() -> None:
    good = metrics.document("StepSeconds", 1.5, "Seconds", {"Stage": "test"}, time())
    assert list(violations(json.dumps(good), time())) == []
    spoilt: list[dict[str, Any]] = [
        {name: value for name, value in good.items() if name != "Stage"},
        good | {"StepSeconds": "1.5"},
        good | {"_aws": good["_aws"] | {"Timestamp": time()}},
        good | {"_aws": good["_aws"] | {"Timestamp": int(time())}},
        metrics.document("StepSeconds", 1.5, "Hours", {"Stage": "test"}, time()),
        metrics.document("StepSeconds", 1.5, "Seconds", {"Stage": ""}, time()),
    ]
    for each in spoilt:
        assert list(violations(json.dumps(each), time())), each


def test_a_deployment_is_counted_once_also_when_its_states_run_twice(
    scene: Scene, written: Written
) -> None:
    scene.world.deploy(scene.world.service())
    for _ in range(2):
        scene.run("deploy.acquire_lease", scene.started)
    for _ in range(2):
        scene.run("deploy.mark_failed", scene.started, error="BuildFailed", cause="no")
    assert written.metric("DeploymentsStarted") == [1]
    assert written.metric("DeploymentsEnded") == [1]
    [ended] = [doc for doc in written.metrics() if "DeploymentsEnded" in doc]
    assert ended["Outcome"] == "failed"
    assert ended["deployment_id"] == scene.started["deployment_id"]


def test_a_step_is_timed_where_it_ends_and_only_there(scene: Scene, written: Written) -> None:
    scene.inbox.service()
    scene.push()
    scene.consume()
    scene.execute()
    timed = [doc["Step"] for doc in written.metrics() if "StepSeconds" in doc]
    waited = {
        "".join(part.title() for part in name.split(".")[1].split("_")) for name in AT_AN_AGENT
    }
    assert sorted(timed) == sorted(set(timed))
    assert len(timed) == len(PATH) - len({"AcquireLease", "Drain"})
    assert waited - {"Drain"} <= set(timed)
    assert len(written.metric("BuildSeconds")) == 1


def test_messages_are_counted_by_their_verdict(scene: Scene, written: Written) -> None:
    scene.inbox.service()
    scene.push()
    scene.push()
    scene.consume()
    scene.consume()
    decided = [doc["Verdict"] for doc in written.metrics() if "MessagesDecided" in doc]
    assert decided == ["deployed", "deployed"]
    assert written.metric("WebhooksReceived") == [1, 1]


def test_how_long_a_message_has_waited_is_told_on_its_first_try(
    scene: Scene, written: Written
) -> None:
    scene.inbox.service()
    scene.push()
    event = event_of(scene.queue.receive(1))
    [record] = event["Records"]
    record["attributes"]["SentTimestamp"] = str(int((time() - 90) * 1000))
    scene.call("consumers.webhooks", event)
    record["attributes"]["ApproximateReceiveCount"] = "2"
    scene.call("consumers.webhooks", event)
    [waited] = [doc for doc in written.metrics() if "QueueWaitSeconds" in doc]
    assert waited["Queue"] == "webhooks"
    assert waited["QueueWaitSeconds"] == pytest.approx(90, abs=5)


def test_agents_are_counted_by_role_and_silent_ones_are_not(scene: Scene, written: Written) -> None:
    at = now()
    with scene.world.store as uow:
        uow.agents.seen(Agent("builder", ("build",), "1", 2, at))
        uow.agents.seen(Agent("both", ("build", "edge"), "1", 2, at - timedelta(seconds=30)))
        uow.agents.seen(Agent("gone", ("build", "edge"), "1", 2, at - timedelta(hours=1)))
    scene.call("scheduled.reconcile", {})
    seen = {doc.get("Role"): doc["AgentsSeen"] for doc in written.metrics() if "AgentsSeen" in doc}
    assert seen == {None: 2, "build": 2, "edge": 1}


def test_no_agent_at_all_is_a_zero_and_not_a_silence(scene: Scene, written: Written) -> None:
    scene.call("scheduled.reconcile", {})
    assert written.metric("AgentsSeen") == [0, 0, 0]


def test_what_needs_attention_and_reports_that_are_late_are_counted(
    scene: Scene, written: Written
) -> None:
    service = scene.inbox.service()
    scene.push()
    scene.consume()
    deployment = scene.deployment
    old = now() - timedelta(minutes=10)
    with scene.world.store as uow:
        uow.deployments.save(replace(deployment, updated_at=old))
        stuck = Resource(
            id=new_id(),
            organization_id=ORGANIZATION,
            kind=ResourceKind.INSTANCE,
            state=ResourceState.NEEDS_ATTENTION,
            project_id=service.project_id,
            service_id=service.id,
            deployment_id=deployment.id,
            created_at=old,
            updated_at=now(),
        )
        uow.resources.plan(stuck)
    scene.call("scheduled.reconcile", {})
    assert written.metric("ReportsLate") == [1]
    assert written.metric("ResourcesNeedingAttention")[-1] >= 1


def test_failures_and_refusals_of_the_api_are_counted(
    scene: Scene, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_act: object = None) -> None:
        raise Transient("the database is away")

    get, service = "api.services.get", scene.world.service()
    with monkeypatch.context() as broken:
        broken.setattr(bootstrap, "unit_of_work", away)
        with pytest.raises(AssertionError, match="503"):
            scene.http(get, API_TOKEN, service_id=service.id)
    few = SETTINGS.model_copy(update={"rate_limit_user": 1})
    monkeypatch.setattr(bootstrap, "settings", lambda: few)
    for _ in range(2):
        with pytest.raises(AssertionError, match="429"):
            scene.http(get, API_TOKEN, service_id=service.id)
    assert written.metric("RateLimited") == [1, 1]
    assert written.metric("ApiErrors") == [1]


@pytest.mark.parametrize(
    ("home", "asked", "emitted"),
    [("dbos", "", False), ("dbos", "emf", True), ("step_functions", "off", False)],
)
def test_one_machine_writes_no_metrics_unless_it_is_told_to(
    home: str, asked: str, emitted: bool, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(workflows=home, metrics=asked)
    monkeypatch.setattr(bootstrap, "settings", lambda: settings)
    metrics.count("DeploymentsStarted")
    assert bool(written.metrics()) is emitted

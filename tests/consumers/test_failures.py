"""Deliveries that cannot be decided on, and whoever decides dying in between."""

import json
from typing import Any

import pytest

from shared.adapters.local_lambda import LocalContext
from shared.domain.deployments import DeploymentState
from shared.domain.errors import AccessLost, Conflict, Transient
from shared.domain.webhooks import Verdict
from shared.runtime.queues import consumer
from shared.usecases.deciding import MOST_FAILURES
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha
from tests.fakes.queue import FakeQueue
from tests.fakes.workflows import FakeWorkflows


class TestFailures:
    def test_one_that_cannot_be_decided_is_dead_after_five_failures_and_can_be_replayed(
        self, inbox: Inbox
    ) -> None:
        web = inbox.service()
        assert isinstance(inbox.queue, FakeQueue)
        inbox.fails = ValueError("a bug")
        poison = inbox.deliver(inbox.push("one")).delivery
        inbox.consume()
        dead = inbox.get(poison)
        assert (dead.failures, dead.dead, dead.verdict) == (MOST_FAILURES, True, None)
        assert dead.reason == "ValueError"
        assert [m.body["delivery_id"] for m in inbox.queue.dead(10)] == [str(poison.id)]
        inbox.later(hours=1)
        assert inbox.queue_again() == 0, "a dead one waits for a person"
        inbox.fails = None
        inbox.queue.redrive(10)
        inbox.consume()
        assert inbox.get(poison).dead, "its old message does not bring it back"
        inbox.replay(poison)
        inbox.consume()
        assert inbox.get(poison).verdict is Verdict.DEPLOYED
        assert len(inbox.deployments(web)) == 1

    def test_it_keeps_those_behind_it_waiting_and_then_lets_them_go(self, inbox: Inbox) -> None:
        web = inbox.service()
        inbox.fails = AccessLost("gone")
        inbox.deliver(inbox.push("one"))
        inbox.deliver(inbox.push("two", before="one"))
        inbox.consume(most=5)
        assert [d.failures for d in inbox.all()] == [5, 0]
        inbox.fails = None
        inbox.consume()
        assert [d.sha for d in inbox.deployments(web)] == [a_sha("two")]

    def test_sent_again_by_the_provider_a_dead_one_comes_back(self, inbox: Inbox) -> None:
        inbox.service()
        inbox.fails = ValueError("a bug")
        dead = inbox.decided(inbox.push(), **{"x-github-delivery": "again"})
        assert dead.dead
        inbox.fails = None
        assert inbox.decided(inbox.push(), **{"x-github-delivery": "again"}).id == dead.id
        assert inbox.get(dead).verdict is Verdict.DEPLOYED

    def test_what_is_only_away_is_not_counted(self, inbox: Inbox) -> None:
        inbox.service()
        inbox.fails = Transient("the database is away")
        held = inbox.decided(inbox.push())
        assert (held.failures, held.dead) == (0, False)
        inbox.fails = None
        inbox.later(minutes=2)
        assert inbox.queue_again() == 1
        inbox.consume()
        assert inbox.get(held).verdict is Verdict.DEPLOYED

    def test_only_what_has_content_and_an_end_is_replayed(self, inbox: Inbox) -> None:
        waiting = inbox.deliver(inbox.push()).delivery
        with pytest.raises(Conflict, match="waits"):
            inbox.replay(waiting)
        rejected = inbox.take(inbox.incoming(b"not json")).delivery
        with pytest.raises(Conflict, match="send it again"):
            inbox.replay(rejected)


class TestDeaths:
    def test_killed_between_decision_and_start_it_is_started_by_whoever_comes_next(
        self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        web = inbox.service()
        with monkeypatch.context() as dying:
            dying.setattr(FakeWorkflows, "start", _dies)
            delivery = inbox.deliver(inbox.push()).delivery
            with pytest.raises(KeyboardInterrupt):
                inbox.consume()
        decided = inbox.get(delivery)
        assert decided.verdict is Verdict.DEPLOYED
        assert inbox.workflows.executions == {}
        inbox.later(minutes=3)
        inbox.consume()
        assert inbox.get(delivery) == decided
        [deployment] = inbox.deployments(web)
        assert list(inbox.workflows.executions) == [deployment.execution]

    def test_what_was_started_and_ended_is_not_started_again(self, inbox: Inbox) -> None:
        web = inbox.service()
        delivery = inbox.decided(inbox.push())
        [deployment] = inbox.deployments(web)
        with inbox.store as uow:
            uow.deployments.save(deployment.to(DeploymentState.FAILED))
        inbox.workflows.executions.clear()
        inbox.queue.send(
            {"organization_id": str(inbox.org), "delivery_id": str(delivery.id)},
            group="g",
            deduplication_id="late",
        )
        inbox.consume()
        assert inbox.workflows.executions == {}

    def test_a_hook_that_is_gone_takes_its_deliveries_along(self, inbox: Inbox) -> None:
        inbox.service()
        inbox.deliver(inbox.push())
        with inbox.store as uow:
            uow.hooks.remove(inbox.org, inbox.hook.id)
        assert inbox.consume() == 1
        assert inbox.queue.receive(1) == []


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_consumer_that_is_away_for_an_hour_finds_few_repetitions(inbox: Inbox) -> None:
    inbox.service()
    assert isinstance(inbox.queue, FakeQueue)
    for number in range(20):
        inbox.deliver(inbox.push(str(number), before=str(number - 1)))
    for _ in range(60 * 12):
        inbox.later(seconds=5)
        inbox.queue_again()
    assert inbox.queue.sent <= 20 * 8
    inbox.consume()
    assert {d.verdict for d in inbox.all()} == {Verdict.DEPLOYED}


def test_what_failed_on_lambda_is_visible_again_soon_with_what_waits_behind_it() -> None:
    """A FIFO queue hands out nothing of a group as long as one of its messages is away."""
    returned: list[tuple[str, int]] = []

    def take(body: dict[str, Any]) -> None:
        if body["n"] == 1:
            raise Transient("the provider is away")

    handler = consumer(take, again=lambda handle, seconds: returned.append((handle, seconds)))
    batch = [a_record(1, "a", 3), a_record(2, "a", 1), a_record(3, "b", 1)]
    answer = handler({"Records": batch}, LocalContext("webhooks"))
    assert [f["itemIdentifier"] for f in answer["batchItemFailures"]] == ["id-1", "id-2"]
    assert returned == [("handle-1", 8), ("handle-2", 8)]


def test_a_queue_that_does_not_take_it_back_hands_it_out_later_by_itself() -> None:
    def take(_: dict[str, Any]) -> None:
        raise Transient("the provider is away")

    def away(*_: Any) -> None:
        raise Transient("SQS does not answer")

    answer = consumer(take, again=away)(
        {"Records": [a_record(1, "a", 1)]}, LocalContext("webhooks")
    )
    assert [f["itemIdentifier"] for f in answer["batchItemFailures"]] == ["id-1"]


def a_record(n: int, group: str, receives: int) -> dict[str, Any]:
    return {
        "messageId": f"id-{n}",
        "receiptHandle": f"handle-{n}",
        "body": json.dumps({"n": n}),
        "attributes": {"ApproximateReceiveCount": str(receives), "MessageGroupId": group},
        "awsRegion": "eu-central-1",
    }

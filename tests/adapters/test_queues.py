"""One contract for every queue that keeps the order within a group."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import boto3
import pytest

from shared.adapters.postgres.queues import PostgresQueue
from shared.adapters.sqs import CLIENT_CONFIG, SqsQueue
from shared.domain.errors import Transient
from shared.ports.queues import Consumable, Message
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha
from tests.fakes.queue import FakeQueue
from tests.workflows.deadlines import eventually
from tests.workflows.ministack import MiniStack, ministack

__all__ = ["ministack"]

VISIBILITY = 1
"""Seconds: the shortest that SQS knows."""
MOST_RECEIVES = 3
KINDS = [pytest.param("postgres", marks=pytest.mark.postgres), "sqs", "memory"]

pytestmark = pytest.mark.enable_socket


def sqs_queue(stack: MiniStack) -> SqsQueue:
    client = boto3.client(
        "sqs",
        endpoint_url=stack.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CLIENT_CONFIG,
    )
    name = f"queue-{uuid4().hex[:8]}"
    fifo = {"FifoQueue": "true"}
    dead = client.create_queue(QueueName=f"{name}-dead.fifo", Attributes=fifo)["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
    policy = (
        f'{{"deadLetterTargetArn": "{arn["Attributes"]["QueueArn"]}",'
        f' "maxReceiveCount": "{MOST_RECEIVES}"}}'
    )
    attributes = {**fifo, "VisibilityTimeout": str(VISIBILITY), "RedrivePolicy": policy}
    url = client.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]
    return SqsQueue(client, url, dead)


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> Iterator[Consumable]:
    if request.param == "memory":
        yield FakeQueue(VISIBILITY, MOST_RECEIVES)
    elif request.param == "sqs":
        yield sqs_queue(request.getfixturevalue("ministack"))
    else:
        engine = request.getfixturevalue("engine")
        yield PostgresQueue(
            engine, "contract", visibility_seconds=VISIBILITY, most_receives=MOST_RECEIVES
        )


def send(queue: Consumable, number: int, group: str = "g", name: str | None = None) -> None:
    body = {"number": number, "group": group}
    queue.send(body, group=group, deduplication_id=name or f"{group}-{number}")


def numbers(messages: Any) -> list[int]:
    return [message.body["number"] for message in messages]


def one(queue: Consumable) -> Message:
    """The next message, waiting for it."""
    found: list[Message] = []

    def look() -> bool:
        found.extend(queue.receive(1))
        return bool(found)

    eventually(look, "a message is there", 10)
    return found[0]


@pytest.mark.parametrize("queue", KINDS, indirect=True)
class TestContract:
    def test_what_was_sent_is_received_once_and_then_gone(self, queue: Consumable) -> None:
        send(queue, 1)
        assert queue.waiting() == 1
        [message] = queue.receive(10)
        assert (message.body, message.group) == ({"number": 1, "group": "g"}, "g")
        assert message.receives == 1
        assert queue.receive(10) == []
        assert queue.waiting() == 1
        queue.finish(message.handle)
        queue.finish(message.handle)
        assert queue.receive(10) == []
        assert queue.waiting() == 0

    def test_a_group_keeps_its_order_and_groups_do_not_wait_for_each_other(
        self, queue: Consumable
    ) -> None:
        for number in (1, 2, 3):
            send(queue, number, "a")
        send(queue, 1, "b")
        seen: list[tuple[str, int]] = []
        while found := queue.receive(1):
            seen.append((found[0].group, found[0].body["number"]))
            if found[0].group == "a":
                queue.finish(found[0].handle)
        assert [number for group, number in seen if group == "a"] == [1, 2, 3]
        assert ("b", 1) in seen

    def test_what_is_in_somebodys_hands_keeps_the_later_ones_back(self, queue: Consumable) -> None:
        send(queue, 1)
        send(queue, 2)
        held = queue.receive(1)
        assert numbers(held) == [1]
        assert queue.receive(10) == []
        queue.finish(held[0].handle)
        assert numbers(queue.receive(10)) == [2]

    def test_what_is_not_finished_in_time_comes_again_before_the_later_ones(
        self, queue: Consumable
    ) -> None:
        send(queue, 1)
        send(queue, 2)
        first = one(queue)
        again = one(queue)
        assert (again.body["number"], again.receives) == (1, 2)
        queue.finish(first.handle)  # its time was over
        queue.release(again.handle, 0)
        assert one(queue).receives == 3

    def test_released_it_comes_again_after_that_time(self, queue: Consumable) -> None:
        send(queue, 1)
        queue.release(one(queue).handle, 0)
        assert numbers(queue.receive(1)) == [1]

    def test_the_same_deduplication_id_is_queued_once(self, queue: Consumable) -> None:
        for number in (1, 2):
            send(queue, number, name="same")
        [message] = queue.receive(10)
        queue.finish(message.handle)
        send(queue, 3, name="same")
        assert queue.receive(10) == []

    def test_five_senders_at_once_queue_one(self, queue: Consumable) -> None:
        with ThreadPoolExecutor(5) as threads:
            list(threads.map(lambda n: send(queue, n, name="same"), range(5)))
        queue.finish(one(queue).handle)
        assert queue.receive(10) == []

    def test_what_fails_too_often_is_a_dead_letter_and_blocks_nobody(
        self, queue: Consumable
    ) -> None:
        send(queue, 1)
        send(queue, 2)
        for receives in range(1, MOST_RECEIVES + 1):
            message = one(queue)
            assert (message.body["number"], message.receives) == (1, receives)
            queue.release(message.handle, 0)
        later = one(queue)
        assert later.body["number"] == 2
        assert [dead.body["number"] for dead in queue.dead(10)] == [1]
        assert [dead.group for dead in queue.dead(10)] == ["g"]
        queue.finish(later.handle)

    def test_dead_letters_are_queued_again_behind_what_waits(self, queue: Consumable) -> None:
        send(queue, 1)
        for _ in range(MOST_RECEIVES):
            queue.release(one(queue).handle, 0)
        assert queue.receive(1) == []
        send(queue, 2)
        assert queue.redrive(10) == 1
        assert queue.redrive(10) == 0
        assert queue.dead(10) == []
        order = []
        for _ in range(2):
            message = one(queue)
            assert message.receives == 1
            order.append(message.body["number"])
            queue.finish(message.handle)
        assert order == [2, 1]

    def test_many_receivers_share_the_messages_and_none_is_lost_or_doubled(
        self, queue: Consumable
    ) -> None:
        groups, each = 5, 8
        for number in range(each):
            for group in range(groups):
                send(queue, number, f"group-{group}")
        seen: list[tuple[str, int]] = []
        lock = threading.Lock()
        until = time.monotonic() + 20

        def work(_: int) -> None:
            while time.monotonic() < until and len(seen) < groups * each:
                for message in queue.receive(1):
                    with lock:
                        seen.append((message.group, message.body["number"]))
                    queue.finish(message.handle)

        with ThreadPoolExecutor(4) as threads:
            list(threads.map(work, range(4)))
        for group in range(groups):
            mine = [number for name, number in seen if name == f"group-{group}"]
            assert mine == list(range(each))


def test_sqs_that_does_not_answer_is_transient() -> None:
    client = boto3.client(
        "sqs",
        endpoint_url="http://127.0.0.1:9",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=CLIENT_CONFIG,
    )
    with pytest.raises(Transient, match="SQS"):
        send(SqsQueue(client, "http://127.0.0.1:9/000000000000/q.fifo"), 1)


def test_a_queue_that_is_not_there_is_transient(ministack: MiniStack) -> None:
    queue = sqs_queue(ministack)
    missing = SqsQueue(queue._client, queue._url.replace(".fifo", "-other.fifo"))
    with pytest.raises(Transient, match="SQS"):
        send(missing, 1)


def test_pushes_over_sqs_are_decided_once_and_in_their_order(ministack: MiniStack) -> None:
    inbox = Inbox(queue=sqs_queue(ministack))
    web = inbox.service()
    for number in range(10):
        push = json.dumps(inbox.push(str(number), before=str(number - 1))).encode()
        incoming = inbox.incoming(push)
        with ThreadPoolExecutor(5) as threads:
            list(threads.map(lambda _, i=incoming: inbox.take(i), range(5)))
    eventually(lambda: inbox.consume() == 0 and None not in {d.verdict for d in inbox.all()}, "all")
    expected = [a_sha(str(number)) for number in range(10)]
    assert [deployment.sha for deployment in inbox.deployments(web)] == expected

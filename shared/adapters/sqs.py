"""A queue that keeps the order within a group, on SQS FIFO."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.aws import client
from shared.domain.errors import Transient
from shared.ports.queues import DeadMessage, Message

CLIENT_CONFIG: Final = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"total_max_attempts": 2, "mode": "standard"},
)
"""Deadlines: a provider waits 10 s for its answer."""

_MOST: Final = 10
_ATTRIBUTES: Final = ["ApproximateReceiveCount", "MessageGroupId"]
_COUNTS: Final = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
_TIME_IS_OVER: Final = {"ReceiptHandleIsInvalid", "InvalidParameterValue", "MessageNotInflight"}
"""What SQS says of a handle whose visibility timeout has passed."""


class SqsQueue:
    """Takes a boto3 client of `sqs`, the queue's URL and that of its dead letters.

    The visibility timeout and how often a message is received at most are the queue's own.
    """

    def __init__(self, client: Any, url: str, dead_url: str | None = None) -> None:
        self._client = client
        self._url = url
        self._dead_url = dead_url

    def send(self, body: dict[str, Any], *, group: str, deduplication_id: str) -> None:
        with _translated():
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=json.dumps(body),
                MessageGroupId=group,
                MessageDeduplicationId=deduplication_id,
            )

    def receive(self, limit: int) -> Sequence[Message]:
        return [_message(found) for found in self._received(self._url, limit)]

    def finish(self, handle: str) -> None:
        with _translated(but=_TIME_IS_OVER):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=handle)

    def release(self, handle: str, seconds: int) -> None:
        with _translated(but=_TIME_IS_OVER):
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=handle, VisibilityTimeout=seconds
            )

    def waiting(self) -> int:
        with _translated():
            answer = self._client.get_queue_attributes(QueueUrl=self._url, AttributeNames=_COUNTS)
        return sum(int(answer["Attributes"].get(name, 0)) for name in _COUNTS)

    def dead(self, limit: int) -> Sequence[DeadMessage]:
        found = self._received(self._dead_url, limit, VisibilityTimeout=0)
        return [DeadMessage(m.body, m.group) for m in map(_message, found)]

    def redrive(self, limit: int) -> int:
        """Sent before they are deleted: one that dies in between is queued twice, not lost."""
        moved = 0
        while moved < limit and (found := self._received(self._dead_url, limit - moved)):
            for raw in found:
                message = _message(raw)
                again = f"{raw['MessageId']}-again"
                self.send(message.body, group=message.group, deduplication_id=again)
                with _translated(but=_TIME_IS_OVER):
                    self._client.delete_message(
                        QueueUrl=self._dead_url, ReceiptHandle=message.handle
                    )
                moved += 1
        return moved

    def _received(self, url: str | None, limit: int, **how: Any) -> list[dict[str, Any]]:
        if url is None:
            return []
        with _translated():
            answer: dict[str, Any] = self._client.receive_message(
                QueueUrl=url,
                MaxNumberOfMessages=min(limit, _MOST),
                WaitTimeSeconds=0,
                MessageSystemAttributeNames=_ATTRIBUTES,
                **how,
            )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found


def _message(found: dict[str, Any]) -> Message:
    about = found["Attributes"]
    return Message(
        handle=found["ReceiptHandle"],
        body=json.loads(found["Body"]),
        group=about["MessageGroupId"],
        receives=int(about["ApproximateReceiveCount"]),
    )


@contextmanager
def _translated(*, but: set[str] | frozenset[str] = frozenset()) -> Iterator[None]:
    """AWS's errors as the platform's; the codes in `but` are none."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"].rpartition(".")[2]
        if code in but:
            return
        message = error.response["Error"].get("Message", code)
        raise Transient(f"SQS: {message}") from error
    except BotoCoreError as error:
        raise Transient(f"SQS does not answer: {error}") from error


def sqs_queue(name: str, urls: str, endpoint_url: str | None) -> SqsQueue:
    """By `{"queue": URL, "queue-dead": URL}` as JSON."""
    known = json.loads(urls or "{}")
    made = client("sqs", endpoint_url, CLIENT_CONFIG)
    return SqsQueue(made, known[name], known.get(f"{name}-dead"))

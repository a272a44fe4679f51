"""The one place a queue's consumer meets Lambda, and what feeds it on one machine."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import SqsFifoPartialProcessor, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from shared.adapters.local_lambda import LocalContext
from shared.domain.errors import PlatformError
from shared.ports.queues import Consumable, Message

logger = Logger(service="consumers")
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

AGAIN_SECONDS: Final = 2
"""What failed is tried again after this time, twice as long each time."""
_LONGEST_SECONDS: Final = 60
_LOOK_SECONDS: Final = 1.0
"""Nobody is woken when a message's time is over: that is looked for."""


def consumer(take: Callable[[dict[str, Any]], None]) -> Handler:
    """A handler of SQS batches: a group's later messages wait when one of it fails."""

    def one(record: SQSRecord) -> None:  # the name of the argument is Powertools'
        take(record.json_body)

    @logger.inject_lambda_context(clear_state=True)
    def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        processor = SqsFifoPartialProcessor(skip_group_on_error=True)
        processor.raise_on_entire_batch_failure = False
        answer = process_partial_response(
            event=dict(event), record_handler=one, processor=processor, context=context
        )
        for error in processor.exceptions:
            _log(error)
        return {**answer}

    return handler


def _log(error: Any) -> None:
    found = error[1] if isinstance(error, tuple) else error
    reason = found.reason if isinstance(found, PlatformError) else str(found)
    logger.warning("message failed", error=type(found).__name__, reason=reason)


class Wakeup(Protocol):
    def wait(self, timeout: float) -> bool: ...


class Signals(Protocol):
    def subscribe(self, channel: str, key: str | None = None) -> AbstractContextManager[Wakeup]: ...


class Poller:
    """Feeds a consumer from its queue in several threads, until stopped.

    Each takes one message at a time, and of a group never two are out: so order holds, and one
    slow group holds up no other.
    """

    def __init__(
        self, name: str, queue: Consumable, handler: Handler, signals: Signals, *, threads: int = 4
    ) -> None:
        self._name = name
        self._queue = queue
        self._handler = handler
        self._signals = signals
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, name=f"{name}-{number}", daemon=True)
            for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """What is being decided is decided; what is queued waits for the next start."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def _keep(self) -> None:
        with self._signals.subscribe("queues", self._name) as wakeup:
            while not self._stop.is_set():
                if not self._turn():
                    wakeup.wait(_LOOK_SECONDS)

    def _turn(self) -> bool:
        """Take one message; whether there was one."""
        try:
            received = self._queue.receive(1)
            for message in received:
                self._take(message)
        except PlatformError as error:
            _log(error)
            self._stop.wait(_LOOK_SECONDS)
            return False
        return bool(received)

    def _take(self, message: Message) -> None:
        if self._stop.is_set():
            self._queue.release(message.handle, 0)
        elif self._failed(message):
            seconds = min(AGAIN_SECONDS * 2 ** (message.receives - 1), _LONGEST_SECONDS)
            self._queue.release(message.handle, seconds)
        else:
            self._queue.finish(message.handle)

    def _failed(self, message: Message) -> bool:
        try:
            answer = self._handler(event_of([message]), LocalContext(self._name))
        except Exception:
            logger.exception("consumer failed", queue=self._name)
            return True
        return bool(answer["batchItemFailures"])


def event_of(messages: Sequence[Message]) -> dict[str, Any]:
    """The event that Lambda hands to the consumer of a queue."""
    return {"Records": [_record(message) for message in messages]}


def _record(message: Message) -> dict[str, Any]:
    return {
        "messageId": message.handle,
        "receiptHandle": message.handle,
        "body": json.dumps(message.body),
        "attributes": {
            "ApproximateReceiveCount": str(message.receives),
            "MessageGroupId": message.group,
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:local:000000000000:local.fifo",
        "awsRegion": "local",
    }

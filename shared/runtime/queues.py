"""The one place a queue's consumer meets Lambda, and what feeds it on one machine."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from time import monotonic, time
from typing import Any, Final, Protocol

from shared.adapters.local_lambda import LocalContext
from shared.domain.errors import PlatformError
from shared.domain.payloads import check_version
from shared.observing import metrics
from shared.observing.fields import note, work
from shared.observing.invocations import observed
from shared.observing.lines import Log
from shared.ports.queues import Consumable, Message

log = Log(__name__)
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
Take = Callable[[dict[str, Any]], Mapping[str, Any] | None]
"""Does what a message asks; answers what its line says of it."""
Again = Callable[[str, int], None]
"""Has a message handed out again, by its handle, after so many seconds."""

AGAIN_SECONDS: Final = 2
"""What failed is tried again after this time, twice as long each time."""
_LONGEST_SECONDS: Final = 60
_LOCAL: Final = "local"
_LOOK_SECONDS: Final = 1.0
"""Nobody is woken when a message's time is over: that is looked for."""
_PAUSE_SECONDS: Final = 0.02
"""Between two looks: a burst of wake-ups is one."""


def consumer(take: Take, again: Again | None = None) -> Handler:
    """A handler of SQS batches: a group's later messages wait when one of it fails.

    `again` makes those visible earlier than their queue does by itself: until they are, nobody
    gets any message of their group.
    """
    queue = take.__module__.rpartition(".")[2]

    @observed
    def handler(event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        stopped: dict[str, int] = {}
        failed = [r for r in event["Records"] if not _taken(r, stopped, take, queue)]
        if again is not None:
            _return(failed, stopped, again)
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in failed]}

    return handler


def _return(failed: Sequence[Mapping[str, Any]], stopped: Mapping[str, int], again: Again) -> None:
    """On one machine whoever feeds the consumer does it."""
    for record in failed:
        if record["awsRegion"] == _LOCAL:
            continue
        try:
            again(record["receiptHandle"], stopped[record["attributes"]["MessageGroupId"]])
        except PlatformError as error:  # it is visible later then
            _tell(error)


def seconds_until_again(receives: int) -> int:
    """How long a message that has failed `receives` times waits for its next try."""
    doubled: int = AGAIN_SECONDS << (receives - 1)
    return min(doubled, _LONGEST_SECONDS)


def _taken(record: Mapping[str, Any], stopped: dict[str, int], take: Take, queue: str) -> bool:
    """Whether it is done with; the group of one that failed is among the `stopped` from then on,
    with the seconds that it waits."""
    about = record["attributes"]
    group = about["MessageGroupId"]
    if group in stopped:
        return False
    with work(message_id=record["messageId"]):
        _note_wait(about, queue)
        try:
            body = json.loads(record["body"])
            note(
                organization_id=body.get("organization_id"),
                delivery_id=body.get("delivery_id"),
                correlation_id=body.get("delivery_id"),
            )
            check_version(body)
            done = take(body)
        except Exception as error:  # noqa: BLE001 - the queue hands it out again
            _tell(error)
            stopped[group] = seconds_until_again(int(about["ApproximateReceiveCount"]))
            return False
        log.info("message done", queue=queue, **(done or {}))
        return True


def _note_wait(about: Mapping[str, str], queue: str) -> None:
    """Of its first try: later ones have waited for their turn."""
    if "SentTimestamp" in about and about["ApproximateReceiveCount"] == "1":
        waited = time() - int(about["SentTimestamp"]) / 1000
        metrics.seconds("QueueWaitSeconds", waited, Queue=queue)


def _tell(error: Exception) -> None:
    reason = error.reason if isinstance(error, PlatformError) else str(error)
    log.warning("message failed", error=type(error).__name__, reason=reason)


class Precedence:
    """Whoever waits for an answer goes first: work in the background gives way, but not for long.

    Something was asked when it was `noted` within the last `quiet` seconds; `longest` is how long
    each piece of work waits at most, so that it is slowed down and never stopped.
    """

    def __init__(self, *, quiet: float = 0.02, longest: float = 0.1) -> None:
        self._quiet = quiet
        self._longest = longest
        self._noted = float("-inf")

    def note(self) -> None:
        self._noted = monotonic()

    def give_way(self, stop: threading.Event) -> None:
        """Wait until nobody asks, for the longest time, or until `stop`."""
        deadline = monotonic() + self._longest
        while (at := monotonic()) < deadline:
            left = self._noted + self._quiet - at
            if left <= 0 or stop.wait(min(left, deadline - at)):
                return


class Wakeup(Protocol):
    def wait(self, timeout: float) -> bool: ...


class Signals(Protocol):
    def subscribe(self, channel: str, key: str | None = None) -> AbstractContextManager[Wakeup]: ...


class Poller:
    """Feeds a consumer from its queue, in at most `threads` threads, until stopped.

    Each takes one message at a time, and of a group never two are out: so order holds, and one
    slow group holds up no other. One more thread looks for messages when nobody else does. What
    has `precedence` goes first.
    """

    def __init__(
        self,
        name: str,
        queue: Consumable,
        handler: Handler,
        signals: Signals,
        *,
        threads: int = 4,
        precedence: Precedence | None = None,
    ) -> None:
        self._name = name
        self._queue = queue
        self._handler = handler
        self._signals = signals
        self._precedence = precedence or Precedence()
        self._stop = threading.Event()
        self._idle = threading.Semaphore(threads)
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._watch = threading.Thread(target=self._look, name=f"{name}-watch", daemon=True)

    def start(self) -> None:
        self._watch.start()

    def stop(self, timeout: float = 10.0) -> None:
        """What is being decided is decided; what is queued waits for the next start."""
        self._stop.set()
        self._watch.join(timeout)
        self._workers.shutdown()

    def _look(self) -> None:
        with self._signals.subscribe("queues", self._name) as wakeup:
            while not self._stop.is_set():
                if self._idle.acquire(timeout=_LOOK_SECONDS):
                    self._workers.submit(self._work)
                    self._stop.wait(_PAUSE_SECONDS)
                    wakeup.wait(_LOOK_SECONDS)

    def _work(self, message: Message | None = None) -> None:
        """Take this one, then others as long as there are any."""
        try:
            while message := message or self._next():
                if self._stop.is_set():
                    self._queue.release(message.handle, 0)
                    break
                self._take(message)
                message = None
        except PlatformError as error:
            _tell(error)
        finally:
            self._idle.release()

    def _next(self) -> Message | None:
        """The next message; where two groups have one, an idle thread takes the other."""
        self._precedence.give_way(self._stop)
        helper = self._idle.acquire(blocking=False)
        try:
            received = self._queue.receive(2 if helper else 1)
            if len(received) == 2:
                self._workers.submit(self._work, received[1])
                helper = False
            return received[0] if received else None
        finally:
            if helper:
                self._idle.release()

    def _take(self, message: Message) -> None:
        if self._failed(message):
            self._queue.release(message.handle, seconds_until_again(message.receives))
        else:
            self._queue.finish(message.handle)

    def _failed(self, message: Message) -> bool:
        try:
            answer = self._handler(event_of([message]), LocalContext(self._name))
        except Exception:
            log.exception("consumer failed", queue=self._name)
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
        "awsRegion": _LOCAL,
    }

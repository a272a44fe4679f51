"""A queue that keeps the order within a group: SQS FIFO, or tables of our own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from shared.domain.webhooks import Delivery


class Queue(Protocol):
    def send(self, body: dict[str, Any], *, group: str, deduplication_id: str) -> None:
        """Queue `body` behind the others of its group.

        The same `deduplication_id` within five minutes is queued once. Raises Transient.
        """


@dataclass(frozen=True, slots=True)
class Message:
    """One received message. `handle` ends this receiving of it; `receives` counts from 1."""

    handle: str
    body: dict[str, Any]
    group: str
    receives: int


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """One that was received too often without being finished."""

    body: dict[str, Any]
    group: str


class Consumable(Queue, Protocol):
    """The other end of a queue. Every call raises Transient when the queue is away.

    A message is received again when it was not finished within the queue's visibility timeout; one
    that was received as often as the queue allows becomes a dead letter and no longer keeps those
    behind it waiting.
    """

    def receive(self, limit: int) -> Sequence[Message]:
        """At most `limit` messages, at most 10, at once.

        Never one while an earlier one of its group is in somebody else's hands.
        """

    def finish(self, handle: str) -> None:
        """It is done. A handle whose time is over changes nothing."""

    def release(self, handle: str, seconds: int) -> None:
        """Let it be received again in `seconds`. A handle whose time is over changes nothing."""

    def waiting(self) -> int:
        """About how many messages are not finished; dead letters are not counted."""

    def dead(self, limit: int) -> Sequence[DeadMessage]:
        """Some of the dead letters, oldest first within a group."""

    def redrive(self, limit: int) -> int:
        """Queue dead letters again behind what waits; how many."""


class PromptArrivals(Protocol):
    """The short way in, without a thread: for most deliveries, which are new."""

    async def take_new(self, delivery: Delivery) -> bool:
        """Store and queue it unless it is stored already; whether it was stored.

        Raises Transient, and whatever the store says where `Arrivals` has to be asked.
        """


class Arrivals(Protocol):
    """Where deliveries are stored, and queued for their verdict."""

    def take(self, delivery: Delivery) -> tuple[Delivery, bool]:
        """Store it once per hook and delivery id, and queue it while it has no verdict.

        Answers the stored row, and whether this call stored it. One that is dead comes back.
        Raises NotFound when its hook is gone.
        """

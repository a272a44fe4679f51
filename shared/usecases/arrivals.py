"""Storing deliveries once and queueing them, whatever the store and the queue are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.domain import payloads
from shared.domain.errors import Transient
from shared.domain.webhooks import Delivery
from shared.ports.queues import Queue
from shared.ports.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """How a delivery is queued: `name` tells repetitions."""

    body: dict[str, Any]
    group: str
    name: str


def message_of(delivery: Delivery) -> QueuedMessage:
    """The row's id, behind the others of its hook."""
    body = {
        "organization_id": str(delivery.organization_id),
        "delivery_id": str(delivery.id),
        "attempt": delivery.attempt,
        payloads.KEY: payloads.VERSION,
    }
    return QueuedMessage(body, str(delivery.hook_id), f"{delivery.id}-{delivery.attempt}")


def enqueue(delivery: Delivery, *, queue: Queue) -> bool:
    """Queue it; whether that worked.

    A queue that is away loses nothing: rows without a verdict are queued again.
    """
    message = message_of(delivery)
    try:
        queue.send(message.body, group=message.group, deduplication_id=message.name)
    except Transient:
        return False
    return True


def revived(delivery: Delivery, at: datetime) -> Delivery:
    """To be looked at again from the beginning."""
    return replace(delivery, dead=False, failures=0, attempt=delivery.attempt + 1, queued_at=at)


@dataclass(frozen=True, slots=True)
class StoredThenQueued:
    """Arrivals in any store and any queue: whoever dies in between leaves a row to queue again."""

    store: Callable[[], UnitOfWork]
    queue: Queue

    def take(self, delivery: Delivery) -> tuple[Delivery, bool]:
        with self.store() as uow:
            stored, is_new = uow.deliveries.record(delivery)
            if not is_new and stored.dead:
                stored = revived(stored, delivery.created_at)
                uow.deliveries.save(stored)
        if stored.verdict is None:
            enqueue(stored, queue=self.queue)
        return stored, is_new

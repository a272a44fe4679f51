"""What becomes of deliveries: queued again when nobody decided, replayed when a person asks."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.outcomes import outcomes_of
from shared.domain.webhooks import Delivery
from shared.ports.queues import Queue
from shared.ports.store import UnitOfWork
from shared.usecases.arrivals import enqueue, revived

UNDECIDED: Final = timedelta(seconds=60)
"""How long after it was queued a delivery without a verdict is queued again."""
_SLOWEST: Final = 4
"""Doublings of that time: a consumer that is away must not find its queue full of repetitions."""
_AT_ONCE: Final = 500


def queue_again(*, uow: UnitOfWork, queue: Queue, at: datetime) -> int:
    """Queue deliveries again that have no verdict since a minute or, later, more; how many.

    Whoever took one in may have died before it was queued, and whoever decides may have died too.
    Deciding twice is deciding once.
    """
    with uow:
        found = uow.deliveries.undecided_everywhere(at - UNDECIDED, _AT_ONCE)
        due = [
            replace(delivery, attempt=delivery.attempt + 1, queued_at=at)
            for delivery in found
            if _is_due(delivery, at)
        ]
        for delivery in due:
            uow.deliveries.save(delivery)
    return sum(enqueue(delivery, queue=queue) for delivery in due)


def _is_due(delivery: Delivery, at: datetime) -> bool:
    """One that waits for checks is looked at each minute; others ever more seldom."""
    waits = any(outcome.waits for outcome in outcomes_of(delivery).values())
    doublings = 0 if waits else min(max(delivery.attempt - 1, 0), _SLOWEST)
    return delivery.queued_at is None or at - delivery.queued_at >= UNDECIDED * 2**doublings


def replay(
    organization_id: UUID, delivery_id: UUID, *, uow: UnitOfWork, queue: Queue, at: datetime
) -> Delivery:
    """Decide on a delivery anew, from what was stored of it; what it deployed stays.

    Raises NotFound, and Conflict when nothing of its content was stored or it waits anyway.
    """
    with uow:
        delivery = uow.deliveries.lock(organization_id, delivery_id)
        if "event" not in delivery.payload:
            raise Conflict(
                "nothing of this delivery's content was kept, as it was refused: "
                "have the provider send it again"
            )
        if delivery.verdict is None and not delivery.dead:
            raise Conflict("this delivery still waits for its verdict")
        payload = {"event": delivery.payload["event"], "replayed": True}
        fresh = replace(delivery, verdict=None, reason=None, decided_at=None, payload=payload)
        delivery = revived(fresh, at)
        uow.deliveries.save(delivery)
        uow.audit.about("delivery", delivery.id, delivery.delivery_id)
    enqueue(delivery, queue=queue)
    return delivery

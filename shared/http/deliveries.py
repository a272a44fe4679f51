"""Deliveries of webhooks as the API answers them."""

from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel

from shared.domain.git import Provider
from shared.domain.webhooks import Delivery


class DeliveryState(StrEnum):
    """A verdict, or that there is none yet, or that nobody could decide."""

    DEPLOYED = "deployed"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    WAITING = "waiting"
    DEAD = "dead"


class DeliveryOut(BaseModel):
    """One delivery: what came, what became of it, and why."""

    id: UUID
    provider: Provider
    delivery_id: str
    event: str
    state: DeliveryState
    reason: str | None
    ref: str | None
    sha: str | None
    request: int | None
    author: str | None
    message: str | None
    connection_id: UUID
    repository_id: str
    deployment_ids: list[UUID]
    failures: int
    created_at: datetime
    decided_at: datetime | None

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        event: dict[str, Any] = delivery.payload.get("event") or {}
        undecided = DeliveryState.DEAD if delivery.dead else DeliveryState.WAITING
        return cls(
            id=delivery.id,
            provider=delivery.provider,
            delivery_id=delivery.delivery_id,
            event=delivery.event,
            state=DeliveryState(delivery.verdict) if delivery.verdict else undecided,
            reason=delivery.reason,
            ref=event.get("ref") or event.get("branch"),
            sha=event.get("after") or event.get("sha"),
            request=event.get("number"),
            author=event.get("pusher") or event.get("author"),
            message=event.get("message") or event.get("title"),
            connection_id=delivery.connection_id,
            repository_id=delivery.repository_id,
            deployment_ids=[UUID(each) for each in delivery.deployment_ids],
            failures=delivery.failures,
            created_at=delivery.created_at,
            decided_at=delivery.decided_at,
        )

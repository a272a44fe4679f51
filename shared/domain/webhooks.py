"""Webhook deliveries: each is stored once and ends with one verdict."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.git import Provider

SWEPT: Final = "sweep"
"""The event of a delivery that never came, made up from where a branch is."""


class Verdict(StrEnum):
    DEPLOYED = "deployed"
    SKIPPED = "skipped"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery of one hook. `delivery_id` is unique per hook.

    `payload` is what the decision needs of the body, never the whole of it. `attempt` counts how
    often the row was queued; `failures` how often deciding on it failed; a `dead` one waits for a
    person to replay it.
    """

    id: UUID
    organization_id: UUID
    hook_id: UUID
    connection_id: UUID
    provider: Provider
    delivery_id: str
    event: str
    repository_id: str
    payload: dict[str, Any]
    created_at: datetime
    queued_at: datetime | None = None
    attempt: int = 0
    failures: int = 0
    dead: bool = False
    verdict: Verdict | None = None
    reason: str | None = None
    decided_at: datetime | None = None
    deployment_ids: tuple[str, ...] = ()

    def decided(
        self, verdict: Verdict, reason: str, at: datetime, deployments: tuple[str, ...] = ()
    ) -> "Delivery":
        """With its verdict. Raises Conflict when it has one already."""
        if self.verdict is not None:
            raise Conflict(f"this delivery was {self.verdict} already")
        return replace(
            self,
            verdict=verdict,
            reason=reason,
            decided_at=at,
            deployment_ids=deployments,
            dead=False,
        )

"""The saga's ledger: everything made outside has a row, an owner and an undo."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.domain.ids import now


class ResourceState(StrEnum):
    PLANNED = "planned"
    CREATED = "created"
    REMOVED = "removed"
    NEEDS_ATTENTION = "needs_attention"


class ResourceKind(StrEnum):
    NETWORK = "network"
    INSTANCE = "instance"
    ONE_OFF = "one_off"
    IMAGE = "image"
    ROUTE = "route"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class Resource:
    """`planned` is written before the call that makes the thing, `created` after it."""

    id: UUID
    organization_id: UUID
    kind: ResourceKind
    state: ResourceState
    created_at: datetime
    updated_at: datetime
    project_id: UUID | None = None
    service_id: UUID | None = None
    deployment_id: UUID | None = None
    provider_id: str | None = None
    detail: dict[str, Any] | None = None
    reason: str | None = None
    tries: int = 0

    def created(self, provider_id: str) -> "Resource":
        return replace(
            self,
            state=ResourceState.CREATED,
            provider_id=provider_id,
            updated_at=now(),
            reason=None,
        )

    def removed(self) -> "Resource":
        return replace(self, state=ResourceState.REMOVED, updated_at=now(), reason=None)

    def stuck(self, reason: str) -> "Resource":
        """It could not be removed: a person must look, with the id and the reason at hand."""
        return replace(
            self,
            state=ResourceState.NEEDS_ATTENTION,
            updated_at=now(),
            reason=reason,
            tries=self.tries + 1,
        )

"""One active deployment per service: a lease with a number that only grows."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Lease:
    """`number` is the fence: whoever holds a smaller one must not touch anything."""

    organization_id: UUID
    service_id: UUID
    number: int
    holder: UUID | None = None
    acquired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiter:
    """A deployment in line, with the sealed task token that wakes it."""

    organization_id: UUID
    service_id: UUID
    deployment_id: UUID
    deployment_number: int
    attempt: int
    sealed_token: str
    created_at: datetime

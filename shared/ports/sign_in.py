"""Members and sign-ins of this machine's own issuer, inside a transaction."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from shared.domain.sign_in import Grant, Member
    from shared.ports.pages import Page


class Members(Protocol):
    def add(self, member: Member) -> None:
        """Raises Conflict when the organisation has the e-mail address already."""

    def get(self, organization_id: UUID, member_id: UUID) -> Member: ...

    def lock(self, organization_id: UUID, member_id: UUID) -> Member: ...

    def find(self, organization_id: UUID, email: str) -> Member | None: ...

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[Member]:
        """Oldest first."""

    def owners(self, organization_id: UUID) -> int:
        """How many owners have a password."""

    def save(self, member: Member) -> None: ...

    def remove(self, organization_id: UUID, member_id: UUID) -> None:
        """With all sign-ins. Removing twice is fine."""


class Grants(Protocol):
    def add(self, grant: Grant) -> None:
        """Raises Conflict when the code for people is taken."""

    def lock(self, organization_id: UUID, grant_id: UUID) -> Grant: ...

    def find(self, organization_id: UUID, user_code: str) -> Grant | None:
        """The device that waits with that code, held until the transaction ends."""

    def save(self, grant: Grant) -> None: ...

    def remove(self, organization_id: UUID, grant_id: UUID) -> None:
        """Removing twice is fine."""

    def prune_everywhere(self, before: datetime) -> int:
        """Drop those that expired before; how many there were."""

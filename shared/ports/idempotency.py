"""Idempotency keys, each call in a short transaction of its own."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.idempotency import Claim, IdempotencyKey


class IdempotencyKeys(Protocol):
    """The mark that a change is made is not here: the unit of work sets it when it commits."""

    def add(self, key: IdempotencyKey) -> bool:
        """Store it unless the caller has one of that name; whether it was stored."""

    def find(self, organization_id: UUID, actor_id: str, key: str) -> IdempotencyKey | None: ...

    def take_over(self, key: IdempotencyKey, attempt: int) -> bool:
        """Write `key` over the stored one if that is still at `attempt` and not committed
        meanwhile; whether it was."""

    def answer(self, key: IdempotencyKey) -> None:
        """Keep the answer, unless a later attempt has the key."""

    def release(self, claim: Claim) -> None:
        """Forget the key if nothing was changed under it."""

    def forget_secrets_everywhere(self, before: datetime) -> int:
        """Drop the bodies of answers that are shown once and older; how many."""

    def prune_everywhere(self, before: datetime) -> int:
        """Forget keys older than that; how many."""

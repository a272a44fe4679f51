"""Requests that may be sent twice and are carried out once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.domain.errors import Conflict

KEPT: Final = timedelta(hours=24)
"""How long an answer is replayed."""
ONCE: Final = timedelta(minutes=10)
"""How long an answer with a secret that is shown once is replayed."""
STALE: Final = timedelta(seconds=30)
"""After that a request without an answer counts as dead; no endpoint may take so long."""


class KeyState(StrEnum):
    RUNNING = "running"
    """Claimed by a request; nothing has been changed."""
    COMMITTED = "committed"
    """The change is made, in the same transaction; there is no answer (yet)."""
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's hold on its key. A transaction of an older attempt is refused at its end."""

    organization_id: UUID
    id: UUID
    attempt: int


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """One key of one caller. `request_hash` is over method, path, query and body."""

    id: UUID
    organization_id: UUID
    actor_id: str
    key: str
    request_hash: str
    state: KeyState
    created_at: datetime
    claimed_at: datetime
    attempt: int = 1
    shown_once: bool = False
    action: str | None = None
    resource_kind: str | None = None
    resource_id: str | None = None
    resource_name: str | None = None
    answered_at: datetime | None = None
    status: int | None = None
    headers: dict[str, str] | None = None
    sealed_body: str | None = None

    @property
    def claim(self) -> Claim:
        return Claim(self.organization_id, self.id, self.attempt)

    @property
    def what_was_done(self) -> str:
        """The change behind the key, for people."""
        about = (self.resource_kind, self.resource_name, self.resource_id)
        return " ".join(part for part in (self.action, *about) if part)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered, as far as it is kept."""

    status: int
    headers: dict[str, str]
    body: bytes
    shown_once: bool = False


def overtaken() -> Conflict:
    """For the transaction of a request whose key a later attempt has taken over."""
    return Conflict("this request took too long and was sent again: only the later one counts")

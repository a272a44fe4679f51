"""What lets an agent in: its registration token, what that reaches, and how often it may ask."""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

AGENT_TOKEN_PREFIX: Final = "c2da_"  # noqa: S105 - how a token begins, not one
CONFIGURED: Final = "configured"
"""The name of the token that the platform's settings hold."""
ACTIVE_SECONDS: Final = 60.0
"""For how long an agent that had work asks often, since more of it usually follows."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A token for agents. Only its SHA-256 is stored; `hint` is how its text begins.

    It gives jobs of `roles` and nothing else; with `organizations` only theirs, and then those
    organisations' builds go to nobody else.
    """

    id: UUID
    name: str
    hint: str
    token_hash: str
    roles: tuple[str, ...]
    created_by: str
    created_at: datetime
    organizations: tuple[str, ...] = ()
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def revoked(self, at: datetime) -> "Registration":
        """Revoked from the first time on."""
        return replace(self, revoked_at=self.revoked_at or at)


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose builds a claim may get: only those of `only` if that is set, none of `never`."""

    only: tuple[UUID, ...] = ()
    never: tuple[UUID, ...] = ()


EVERYBODY: Final = Reach()


@dataclass(frozen=True, slots=True)
class Pace:
    """How often agents call, in seconds.

    `beat` is between two heartbeats of a job and therefore how late a cancel arrives, `watch` the
    same of the standing watch while nothing changes. `busy` and `idle` are between two claims
    where no claim can wait, and `log` between two chunks of a log.
    """

    beat: float
    watch: float
    busy: float
    idle: float
    log: float

    def again(self, idle_seconds: float) -> float:
        """When to claim again, for an agent of which no job has begun or ended for so long."""
        return self.busy if idle_seconds < ACTIVE_SECONDS else self.idle


@dataclass(frozen=True, slots=True)
class Depth:
    """Jobs of one kind in one state: how many, and since when the oldest is there."""

    kind: str
    state: str
    jobs: int
    oldest_at: datetime


def new_agent_token() -> str:
    """A token of 256 random bits; shown once, never stored."""
    return AGENT_TOKEN_PREFIX + secrets.token_urlsafe(32)

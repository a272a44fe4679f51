"""Jobs and the agents that do them, inside a transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from shared.domain.agents import EVERYBODY

if TYPE_CHECKING:
    from shared.domain.agents import Depth, Reach, Registration
    from shared.domain.jobs import Agent, Job, JobKind


class Jobs(Protocol):
    def add(self, job: Job) -> Job:
        """Record it once per `key`; again answers the row that is there, with the newer token."""

    def get(self, job_id: UUID) -> Job: ...

    def lock(self, job_id: UUID) -> Job: ...

    def claim(
        self, kinds: Sequence[JobKind], agent: str, token_hash: str, reach: Reach = EVERYBODY
    ) -> Job | None:
        """Hand the oldest queued job of one of `kinds` to `agent`; None when there is none.

        Of builds only those within `reach`.

        Two callers never get the same job (SKIP LOCKED). Of the kinds in `ROUTE_WRITERS` a
        service has never more than one running.
        """

    def save(self, job: Job) -> None: ...

    def of_deployment(self, organization_id: UUID, deployment_id: UUID) -> Sequence[Job]: ...

    def unfinished_everywhere(self) -> Sequence[Job]: ...

    def depth_everywhere(self) -> Sequence[Depth]:
        """How many jobs of each kind are queued, and how many running."""

    def remove(self, job_id: UUID) -> None:
        """Forget a job that belongs to no deployment; nobody reports on it any more."""

    def prune_everywhere(self, kind: JobKind, before: datetime) -> int:
        """Forget jobs of `kind` that were made earlier, whatever their state; how many."""


class Agents(Protocol):
    def seen(self, agent: Agent) -> None: ...

    def list(self) -> Sequence[Agent]: ...

    def forget(self, name: str) -> None:
        """Forget an agent and whose name it was. Forgetting twice is fine."""


class Registrations(Protocol):
    """Tokens that let agents in."""

    def add(self, token: Registration) -> None: ...

    def get(self, token_id: UUID) -> Registration: ...

    def list(self) -> Sequence[Registration]:
        """Newest first, revoked ones too."""

    def save(self, token: Registration) -> None: ...

    def used(self, token_id: UUID, at: datetime) -> None:
        """Remember the last use, and nothing else of the row."""

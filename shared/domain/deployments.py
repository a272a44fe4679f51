"""A deployment and the transitions it may make."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.domain.errors import Conflict
from shared.domain.ids import now


class DeploymentState(StrEnum):
    QUEUED = "queued"
    WAITING = "waiting"
    BUILDING = "building"
    RELEASING = "releasing"
    LIVE = "live"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"


TERMINAL: Final = frozenset(
    {
        DeploymentState.LIVE,
        DeploymentState.FAILED,
        DeploymentState.CANCELLED,
        DeploymentState.SUPERSEDED,
    }
)
_ENDED: Final = {DeploymentState.FAILED, DeploymentState.CANCELLED, DeploymentState.SUPERSEDED}
_NEXT: Final[dict[DeploymentState, set[DeploymentState]]] = {
    DeploymentState.QUEUED: {DeploymentState.WAITING, *_ENDED},
    DeploymentState.WAITING: {DeploymentState.BUILDING, DeploymentState.RELEASING, *_ENDED},
    DeploymentState.BUILDING: {DeploymentState.RELEASING, *_ENDED},
    DeploymentState.RELEASING: {DeploymentState.LIVE, *_ENDED},
    DeploymentState.LIVE: set(),
    DeploymentState.FAILED: {DeploymentState.QUEUED},
    DeploymentState.CANCELLED: {DeploymentState.QUEUED},
    DeploymentState.SUPERSEDED: {DeploymentState.QUEUED},
}


class Trigger(StrEnum):
    """What started a deployment."""

    API = "api"
    RETRY = "retry"
    ROLLBACK = "rollback"
    PUSH = "push"
    PREVIEW = "preview"


class Entry(StrEnum):
    """Where an attempt enters the workflow; later entries reuse what earlier ones recorded."""

    BUILD = "build"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Deployment:
    """One attempt, or several, to bring one version of a service live.

    `number` counts deployments of the service; a higher one is newer. `attempt` counts runs of
    this deployment's workflow: `{id}-{attempt}` names the execution. `correlation_id` is of the
    request or delivery that it began with.
    """

    id: UUID
    organization_id: UUID
    project_id: UUID
    service_id: UUID
    number: int
    state: DeploymentState
    trigger: Trigger
    actor: str
    created_at: datetime
    updated_at: datetime
    attempt: int = 1
    entry: Entry = Entry.BUILD
    ref: str | None = None
    sha: str | None = None
    image: str | None = None
    no_cache: bool = False
    commit_message: str | None = None
    commit_author: str | None = None
    release_id: UUID | None = None
    rollback_of: UUID | None = None
    lease_number: int | None = None
    cancel_requested: bool = False
    reason: str | None = None
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    version: int = 1
    correlation_id: str | None = None

    @property
    def execution(self) -> str:
        """The name of this attempt's execution: starting it twice is starting it once."""
        return f"{self.id}-{self.attempt}"

    @property
    def machine(self) -> str:
        """The state machine that brings it live."""
        return "rollback" if self.trigger is Trigger.ROLLBACK else "deploy"

    @property
    def terminal(self) -> bool:
        return self.state in TERMINAL

    def to(
        self, state: DeploymentState, *, reason: str | None = None, error: str | None = None
    ) -> "Deployment":
        """The same deployment, moved to `state`. Raises Conflict when that is not allowed."""
        if state is self.state:
            return self
        if state not in _NEXT[self.state]:
            raise Conflict(f"a {self.state} deployment cannot become {state}")
        at = now()
        return replace(
            self,
            state=state,
            reason=reason,
            error=error,
            updated_at=at,
            started_at=self.started_at or at,
            ended_at=at if state in TERMINAL else None,
        )

    def again(self, entry: Entry) -> "Deployment":
        """The next attempt, from `entry` on."""
        return replace(
            self.to(DeploymentState.QUEUED),
            attempt=self.attempt + 1,
            entry=entry,
            cancel_requested=False,
            lease_number=None,
            release_id=None,
            started_at=None,
        )


class StepOutcome(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Placed:
    """A deployment with what lies around it: the slugs of its public name, and the number and
    state of the deployment that holds the service's lease."""

    deployment: Deployment
    service_slug: str
    project_slug: str
    holder_number: int | None = None
    holder_state: DeploymentState | None = None

    @property
    def waiting_for(self) -> str | None:
        """Why it waits, in a sentence."""
        mine = self.deployment
        if mine.lease_number is not None or mine.terminal:
            return None
        if self.holder_number is None or self.holder_number == mine.number:
            return None
        return f"deployment {self.holder_number} of this service is {self.holder_state}"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a deployment's ledger. Timelines read only these."""

    organization_id: UUID
    deployment_id: UUID
    attempt: int
    name: str
    started_at: datetime
    outcome: StepOutcome = StepOutcome.RUNNING
    tries: int = 1
    actor: str = "platform"
    ended_at: datetime | None = None
    error: str | None = None
    reason: str | None = None
    detail: dict[str, object] | None = None

"""Work for an agent: what a workflow state waits for while somebody outside does it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class JobKind(StrEnum):
    BUILD = "build"
    PRE_DEPLOY = "pre_deploy"
    HEALTH_GATE = "health_gate"
    SWITCH_ROUTE = "switch_route"
    VERIFY_PUBLIC = "verify_public"
    DRAIN = "drain"
    REMOVE_ROUTE = "remove_route"
    WATCH = "watch"
    COMPUTE = "compute"


ROLE: Final[dict[JobKind, str]] = {
    kind: "build" if kind is JobKind.BUILD else "edge" for kind in JobKind
}
"""Which role of an agent takes which kind."""

ROUTE_WRITERS: Final = frozenset(
    {JobKind.SWITCH_ROUTE, JobKind.REMOVE_ROUTE, JobKind.VERIFY_PUBLIC}
)
"""Kinds that write a service's route or judge it: of these one at a time per service."""

ENDED: Final = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Job:
    """`sealed_token` is the workflow's task token, encrypted; agents never see it.

    `key` names the job once: the same state of the same attempt makes the same job.
    `sealed_values` are secrets it needs, which its agent asks for.
    """

    id: UUID
    organization_id: UUID
    deployment_id: UUID | None
    service_id: UUID | None
    key: str
    kind: JobKind
    step: str
    attempt: int
    state: JobState
    spec: dict[str, Any]
    sealed_token: str | None
    created_at: datetime
    heartbeat_limit_seconds: int = 60
    agent: str | None = None
    token_hash: str | None = None
    claimed_at: datetime | None = None
    heartbeat_at: datetime | None = None
    ended_at: datetime | None = None
    cancel_requested: bool = False
    correlation_id: str | None = None
    output: dict[str, Any] | None = None
    error: str | None = None
    reason: str | None = None
    sealed_values: str | None = None

    @property
    def role(self) -> str:
        return ROLE[self.kind]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent as last heard of. `token_id` is its registration token; None: the configured one."""

    name: str
    roles: tuple[str, ...]
    version: str
    capacity: int
    last_seen_at: datetime
    running: int = 0
    facts: dict[str, Any] | None = None
    token_id: UUID | None = None

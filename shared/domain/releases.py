"""A release: an image, a set of variables and settings, frozen under a number."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.services import HealthCheck, Limits


class ReleaseState(StrEnum):
    PENDING = "pending"
    LIVE = "live"
    RETIRED = "retired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RunSpec:
    """How a release's instances run, as it was when the release was made."""

    port: int
    start_command: str | None
    pre_deploy_command: str | None
    health: HealthCheck
    limits: Limits
    drain_seconds: int


@dataclass(frozen=True, slots=True)
class Release:
    """`image` is a digest in a registry, or the engine's image id kept alive by `image_tag`."""

    id: UUID
    organization_id: UUID
    service_id: UUID
    deployment_id: UUID
    number: int
    image: str
    image_tag: str | None
    env_version: int
    run: RunSpec
    state: ReleaseState
    created_at: datetime
    sha: str | None = None
    image_size: int = 0
    image_removed: bool = False

    def to(self, state: ReleaseState) -> "Release":
        return replace(self, state=state)


class InstanceRole(StrEnum):
    """Where an instance stands in its service: traffic goes to the one that serves."""

    NEXT = "next"
    SERVING = "serving"
    PREVIOUS = "previous"
    STALE = "stale"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Instance:
    """One running copy of a release in one slot of its service."""

    id: UUID
    organization_id: UUID
    project_id: UUID
    service_id: UUID
    deployment_id: UUID
    release_id: UUID
    slot: int
    address: str
    host_port: int
    role: InstanceRole
    created_at: datetime
    provider_id: str | None = None
    unrouted_at: datetime | None = None
    restarts: int = 0
    restart_at: datetime | None = None
    healthy: bool | None = None
    health_reason: str | None = None

    @property
    def target(self) -> str:
        return f"{self.address}:{self.host_port}"

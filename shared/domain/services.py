"""A service: what is built, how it runs, and where it stands."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Final
from uuid import UUID

from shared.domain.errors import Conflict

SLOTS: Final = 4
"""Serving, previous (kept warm), draining, next."""


class ServiceState(StrEnum):
    NEW = "new"
    DEPLOYING = "deploying"
    LIVE = "live"
    CRASHED = "crashed"
    STOPPED = "stopped"
    DELETING = "deleting"


class OverlapPolicy(StrEnum):
    """What a deployment does to those of its service that have not ended."""

    LATEST_WINS = "latest_wins"
    QUEUE = "queue"
    CANCEL_PREVIOUS = "cancel_previous"


_NEXT: Final[dict[ServiceState, set[ServiceState]]] = {
    ServiceState.NEW: {ServiceState.DEPLOYING, ServiceState.DELETING},
    ServiceState.DEPLOYING: {
        ServiceState.NEW,
        ServiceState.LIVE,
        ServiceState.CRASHED,
        ServiceState.STOPPED,
        ServiceState.DELETING,
    },
    ServiceState.LIVE: {
        ServiceState.DEPLOYING,
        ServiceState.CRASHED,
        ServiceState.STOPPED,
        ServiceState.DELETING,
    },
    ServiceState.CRASHED: {
        ServiceState.DEPLOYING,
        ServiceState.LIVE,
        ServiceState.STOPPED,
        ServiceState.DELETING,
    },
    ServiceState.STOPPED: {ServiceState.DEPLOYING, ServiceState.LIVE, ServiceState.DELETING},
    ServiceState.DELETING: set(),
}


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How readiness is asked. Without a path any answer below 500 will do."""

    path: str | None = None
    timeout_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Limits:
    """What one instance may use."""

    cpus: float = 1.0
    memory_mb: int = 512
    pids: int = 512


@dataclass(frozen=True, slots=True)
class Source:
    """Where a service's code comes from, and which pushes deploy it.

    A push to `branch` deploys when a changed file matches one of `watch_paths` (patterns as in
    .gitignore; none: any file under `root_directory`). A tag deploys when it matches
    `tag_pattern` (none: no tag does). `wait_for_ci` holds a push until the commit's checks pass.
    With `previews` every pull or merge request gets a service of its own.
    """

    repository_url: str
    branch: str | None = None
    root_directory: str = ""
    watch_paths: tuple[str, ...] = ()
    tag_pattern: str | None = None
    wait_for_ci: bool = False
    previews: bool = False


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What the user decided about the build; empty means detected."""

    dockerfile_path: str | None = None
    dockerfile_target: str | None = None
    install_command: str | None = None
    build_command: str | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the user decided about running; empty means detected."""

    start_command: str | None = None
    pre_deploy_command: str | None = None
    port: int | None = None
    drain_seconds: int = 30
    keep_previous_seconds: int = 600


@dataclass(frozen=True, slots=True)
class Service:
    id: UUID
    organization_id: UUID
    project_id: UUID
    name: str
    slug: str
    ordinal: int
    state: ServiceState
    created_at: datetime
    updated_at: datetime
    source: Source | None = None
    build: BuildOptions = field(default_factory=BuildOptions)
    run: RunOptions = field(default_factory=RunOptions)
    health: HealthCheck = field(default_factory=HealthCheck)
    limits: Limits = field(default_factory=Limits)
    overlap: OverlapPolicy = OverlapPolicy.LATEST_WINS
    autodeploy: bool = True
    deletion_protection: bool = False
    env_version: int = 0
    next_number: int = 1
    state_reason: str | None = None
    live_release_id: UUID | None = None
    preview_of: UUID | None = None
    version: int = 1

    def to(self, state: ServiceState, reason: str | None = None) -> "Service":
        """The same service in `state`. Raises Conflict when it cannot get there from here."""
        if state is self.state:
            return replace(self, state_reason=reason)
        if state not in _NEXT[self.state]:
            raise Conflict(f"a {self.state} service cannot become {state}")
        return replace(self, state=state, state_reason=reason)


_SLOT_BASE: Final = IPv4Address("127.64.0.0")


@dataclass(frozen=True, slots=True)
class SlotRange:
    """The fixed addresses of a platform's slots: `SLOTS` in a row per service, one port.

    Platforms that share a machine need ranges that do not overlap.
    """

    base: IPv4Address = _SLOT_BASE
    port: int = 17080

    def address(self, ordinal: int, slot: int) -> str:
        """The loopback address of a service's slot."""
        if not 0 <= slot < SLOTS:
            raise ValueError(f"slot {slot} is not one of {SLOTS}")
        return str(self.base + ordinal * SLOTS + slot)


def host_name(service_slug: str, project_slug: str, domain: str) -> str:
    """The public name a service gets without anybody asking for one."""
    return f"{service_slug}-{project_slug}.{domain}"

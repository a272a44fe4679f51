"""Where instances run: the cloud as the platform needs it, whoever provides it.

Every create looks for what an earlier try made before it makes anything, so repeating a call is
safe; every remove is content when the thing is gone. Calls raise Transient when the provider does
not answer in time, is busy or is down, and are then worth repeating unchanged.

Tags carry the platform's own keys (`instance`, `service`, `project`, `organization`,
`deployment`, `release`, `kind`) and text values; an adapter adds what tells two platforms on one
provider apart and never shows or touches another platform's objects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID


class InstanceKind(StrEnum):
    SERVICE = "service"
    ONE_OFF = "one_off"


class InstanceState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    MISSING = "missing"


class ObjectKind(StrEnum):
    INSTANCE = "instance"
    NETWORK = "network"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """`provider_id` as `Volumes.create_volume` returned it, seen by the app at `path`."""

    provider_id: str
    path: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """One instance, whole: it never changes, another release is another instance.

    A service listens on `app_port`; the outside reaches it on `address`:`host_port`, which belong
    to its slot. A one-off publishes nothing. `command` is a shell line in place of what the image
    would run; its text is visible to the machine's administrators, so secrets go into `env`.
    """

    instance_id: UUID
    organization_id: UUID
    project_id: UUID
    service_id: UUID
    deployment_id: UUID
    release_number: int
    image: str
    command: str | None
    env: Mapping[str, str] = field(repr=False)
    address: str
    host_port: int
    app_port: int
    cpus: float
    memory_mb: int
    pids: int
    volumes: tuple[VolumeMount, ...] = ()
    kind: InstanceKind = InstanceKind.SERVICE
    label: str = ""
    read_only_root: bool = False
    secret_names: tuple[str, ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        """What marks the instance at the provider, and finds it again."""
        return {
            "instance": str(self.instance_id),
            "organization": str(self.organization_id),
            "project": str(self.project_id),
            "service": str(self.service_id),
            "deployment": str(self.deployment_id),
            "release": str(self.release_number),
            "kind": self.kind.value,
        }


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """What the provider says of an instance now.

    `exit_code` and `oom_killed` are meaningful once it has exited; `error` is the provider's
    sentence when it could not be started at all. `restarts` counts those the provider made itself.
    """

    provider_id: str
    state: InstanceState
    exit_code: int | None = None
    oom_killed: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    restarts: int = 0
    address: str | None = None
    image: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ProviderObject:
    """Something of ours at the provider, as a sweep sees it. `state` is set for instances."""

    kind: ObjectKind
    provider_id: str
    name: str
    tags: Mapping[str, str]
    state: InstanceState | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A line the app wrote; `stream` is stdout or stderr, or system for what the platform says."""

    at: datetime
    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image and every name that keeps it alive. `size_bytes` includes layers it shares."""

    image_id: str
    references: tuple[str, ...]
    size_bytes: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """An image pinned by its id: a tag may lead elsewhere tomorrow. `port` is what it exposes."""

    image_id: str
    port: int | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DiskUsage:
    """Bytes by use. `free` and `total` are the file system's, None when it cannot be seen."""

    images: int
    instances: int
    volumes: int
    build_cache: int
    free: int | None
    total: int | None


class Compute(Protocol):
    """Instances. A `provider_id` is whatever `create` returned."""

    def create(self, spec: InstanceSpec) -> str:
        """Make the instance, or return the one made for `spec.instance_id` before; not started.

        Makes the project's network when it is not there. Raises ImageNotFound, QuotaExceeded
        (no address block left), DiskFull, and Invalid for limits the provider cannot grant.
        """
        ...

    def start(self, provider_id: str) -> None:
        """Start it, also after it stopped; a running one stays as it is.

        Raises NotFound, Conflict when its address is still held by another instance, and
        InstanceFailed when the image or the command cannot be run.
        """
        ...

    def stop(self, provider_id: str, grace_seconds: int) -> None:
        """Ask it to end (SIGTERM), end it after `grace_seconds` (SIGKILL), return when it has.

        Stopped, never started and missing instances are fine.
        """
        ...

    def remove(self, provider_id: str) -> None:
        """Remove it, running or not, with what only it used. Missing is fine."""
        ...

    def status(self, provider_id: str) -> InstanceStatus:
        """Its state now; a missing instance is a status, not an error."""
        ...

    def find(self, tags: Mapping[str, str]) -> Sequence[ProviderObject]:
        """Every instance, network and volume of this platform that carries all of `tags`."""
        ...

    def logs(
        self, provider_id: str, tail: int, since: datetime | None = None
    ) -> Sequence[OutputLine]:
        """The newest `tail` lines written at or after `since`, oldest first. Raises NotFound."""
        ...


class Networks(Protocol):
    """A private network per project: its instances reach each other there, nobody else does."""

    def ensure_network(self, project_id: UUID) -> str:
        """The network's provider id; made on the first call, once also under concurrent calls.

        Raises QuotaExceeded when the configured pool has no free block left.
        """
        ...

    def remove_network(self, project_id: UUID) -> None:
        """Missing is fine. Raises Conflict while an instance is still on it."""
        ...


class Names(Protocol):
    """Names inside a project's network. Both calls may be repeated and keep connections open."""

    def publish_name(self, provider_id: str, project_id: UUID, name: str) -> None:
        """Have `name` lead to the instance, for all of its project. Raises NotFound.

        Others it leads to stay until it is withdrawn from them.
        """
        ...

    def withdraw_name(self, provider_id: str, project_id: UUID) -> None:
        """No name leads to the instance any more. Missing is fine."""
        ...


class Volumes(Protocol):
    """Disks that outlive instances. They attach through `InstanceSpec.volumes`."""

    def create_volume(self, volume_id: UUID, tags: Mapping[str, str]) -> str:
        """The volume's provider id; the same one on every call. Raises DiskFull."""
        ...

    def remove_volume(self, provider_id: str) -> None:
        """Delete it and what is on it. Missing is fine; Conflict while an instance holds it."""
        ...


class Images(Protocol):
    """Images where instances start from. A reference is a digest, an image id or a tag."""

    def exists(self, reference: str) -> bool: ...

    def ensure(self, reference: str) -> ImageFacts:
        """The image as it is stored, pulled first when it is not.

        What is stored is taken as it is, also where its tag leads elsewhere by now. Raises
        ImageNotFound when its registry does not have it, does not let us in or is too slow, and
        DiskFull.
        """
        ...

    def tag(self, reference: str, name: str) -> None:
        """Keep `reference` alive under `name`, `c2d/<service>:r<number>`. Raises ImageNotFound."""
        ...

    def remove_image(self, reference: str) -> None:
        """Drop a name, and the image with its last name. Missing is fine.

        Raises Conflict while an instance was made from it and no other name is left.
        """
        ...

    def list_images(self, prefix: str) -> Sequence[StoredImage]:
        """Images with at least one name that starts with `prefix`, oldest first."""
        ...

    def prune_build_cache(self, *, keep_bytes: int, unused_for: timedelta | None = None) -> int:
        """Shrink the cache to `keep_bytes`, oldest use first; the bytes that were freed.

        With `unused_for`, only what nobody used for that long goes.
        """
        ...

    def disk_usage(self) -> DiskUsage: ...


@dataclass(frozen=True, slots=True)
class Cloud:
    """Everything one provider offers."""

    compute: Compute
    images: Images
    names: Names
    networks: Networks
    volumes: Volumes

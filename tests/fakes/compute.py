"""A cloud in memory: stateful, held to the same contract as the real ones, broken on demand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import RLock
from uuid import UUID

from shared.domain.errors import Conflict, ImageNotFound, NotFound, PlatformError
from shared.ports.compute import (
    DiskUsage,
    ImageFacts,
    InstanceKind,
    InstanceSpec,
    InstanceState,
    InstanceStatus,
    ObjectKind,
    OutputLine,
    ProviderObject,
    StoredImage,
)


@dataclass
class FakeInstance:
    """What the fake knows of an instance; `stops` are the grace periods it was stopped with."""

    spec: InstanceSpec
    status: InstanceStatus
    created_at: datetime
    output: list[OutputLine] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)


@dataclass
class _Fault:
    error: PlatformError
    left: int


class FakeCompute:
    """All four compute ports. `images` are the references that exist, by image id.

    `registry` is what can be pulled, image ids by reference; `exposed` the ports of images by id.
    `guard` runs before each call, to refuse it. `fail("start", error)` makes the next call of
    that method raise, `times` says how many; the fault comes before the method changes
    anything, unless `after=True`: then the work is done and the answer lost, as when a
    connection breaks. `crash` and `vanish` do what a bad day does.
    """

    def __init__(self, *images: str) -> None:
        self._lock = RLock()
        self.instances: dict[str, FakeInstance] = {}
        self.networks: dict[UUID, str] = {}
        self.volumes: dict[str, dict[str, str]] = {}
        self.images: dict[str, set[str]] = {image: {image} for image in images}
        self.registry: dict[str, str] = {}
        self.exposed: dict[str, int] = {}
        self.calls: list[str] = []
        self.guard: Callable[[], None] = lambda: None
        self._before: dict[str, _Fault] = {}
        self._after: dict[str, _Fault] = {}
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)

    # What a test arranges

    def fail(self, method: str, error: PlatformError, times: int = 1, after: bool = False) -> None:
        (self._after if after else self._before)[method] = _Fault(error, times)

    def crash(self, provider_id: str, exit_code: int = 1, oom_killed: bool = False) -> None:
        """The app ends by itself."""
        with self._lock:
            self._end(self._known(provider_id), exit_code, oom_killed=oom_killed)

    def vanish(self, provider_id: str) -> None:
        """Somebody removed the instance behind the platform's back."""
        with self._lock:
            del self.instances[provider_id]

    def write(self, provider_id: str, text: str, stream: str = "stdout") -> None:
        with self._lock:
            line = OutputLine(self._now(), stream, text)
            self._known(provider_id).output.append(line)

    @property
    def running(self) -> list[InstanceSpec]:
        with self._lock:
            found = self.instances.values()
            return [i.spec for i in found if i.status.state is InstanceState.RUNNING]

    # Compute

    def create(self, spec: InstanceSpec) -> str:
        with self.calling("create"):
            made = self.instances.items()
            earlier = [k for k, i in made if i.spec.instance_id == spec.instance_id]
            if earlier:
                return earlier[0]
            if self._image_id(spec.image) is None:
                raise ImageNotFound(f"image {spec.image} is not stored")
            for mount in spec.volumes:
                if mount.provider_id not in self.volumes:
                    raise NotFound(f"volume {mount.provider_id} is not there")
            self._ensure_network(spec.project_id)
            provider_id = f"instance-{spec.instance_id}-{self.calls.count('create')}"
            address = spec.address if spec.kind is InstanceKind.SERVICE else None
            status = InstanceStatus(
                provider_id, InstanceState.CREATED, address=address, image=spec.image
            )
            self.instances[provider_id] = FakeInstance(spec, status, self._now())
            return provider_id

    def start(self, provider_id: str) -> None:
        with self.calling("start"):
            instance = self._known(provider_id)
            if instance.status.state is InstanceState.RUNNING:
                return
            if self._address_is_held(provider_id, instance.spec):
                raise Conflict(f"address {instance.spec.address} is held by another instance")
            instance.status = replace(
                instance.status,
                state=InstanceState.RUNNING,
                exit_code=None,
                oom_killed=False,
                started_at=self._now(),
                finished_at=None,
            )

    def stop(self, provider_id: str, grace_seconds: int) -> None:
        with self.calling("stop"):
            instance = self.instances.get(provider_id)
            if instance is None or instance.status.state is not InstanceState.RUNNING:
                return
            instance.stops.append(grace_seconds)
            self._end(instance, 143)

    def remove(self, provider_id: str) -> None:
        with self.calling("remove"):
            self.instances.pop(provider_id, None)

    def status(self, provider_id: str) -> InstanceStatus:
        with self.calling("status"):
            instance = self.instances.get(provider_id)
            if instance is None:
                return InstanceStatus(provider_id, InstanceState.MISSING)
            return instance.status

    def find(self, tags: Mapping[str, str]) -> Sequence[ProviderObject]:
        with self.calling("find"):
            return [o for o in self._objects() if tags.items() <= o.tags.items()]

    def logs(
        self, provider_id: str, tail: int, since: datetime | None = None
    ) -> Sequence[OutputLine]:
        with self.calling("logs"):
            output = self._known(provider_id).output
            found = [line for line in output if since is None or line.at >= since]
            return tuple(found[-tail:]) if tail > 0 else ()

    # Networks and volumes

    def ensure_network(self, project_id: UUID) -> str:
        with self.calling("ensure_network"):
            return self._ensure_network(project_id)

    def remove_network(self, project_id: UUID) -> None:
        with self.calling("remove_network"):
            users = [i for i in self.instances.values() if i.spec.project_id == project_id]
            if any(i.status.state is InstanceState.RUNNING for i in users):
                raise Conflict(f"the network of project {project_id} still has instances")
            self.networks.pop(project_id, None)

    def create_volume(self, volume_id: UUID, tags: Mapping[str, str]) -> str:
        with self.calling("create_volume"):
            name = f"volume-{volume_id}"
            self.volumes.setdefault(name, {**tags, "volume": str(volume_id)})
            return name

    def remove_volume(self, provider_id: str) -> None:
        with self.calling("remove_volume"):
            mounts = [m for i in self.instances.values() for m in i.spec.volumes]
            if any(mount.provider_id == provider_id for mount in mounts):
                raise Conflict(f"volume {provider_id} is held by an instance")
            self.volumes.pop(provider_id, None)

    # Images

    def exists(self, reference: str) -> bool:
        with self.calling("exists"):
            return self._image_id(reference) is not None

    def ensure(self, reference: str) -> ImageFacts:
        with self.calling("ensure"):
            image_id = self._image_id(reference) or self.registry.get(reference)
            if image_id is None:
                raise ImageNotFound(f"the image {reference} could not be pulled")
            self.images.setdefault(image_id, {image_id}).add(reference)
            return ImageFacts(image_id, self.exposed.get(image_id), 1)

    def tag(self, reference: str, name: str) -> None:
        with self.calling("tag"):
            image_id = self._image_id(reference)
            if image_id is None:
                raise ImageNotFound(f"image {reference} is not stored")
            for references in self.images.values():
                references.discard(name)
            self.images[image_id].add(name)

    def remove_image(self, reference: str) -> None:
        with self.calling("remove_image"):
            image_id = self._image_id(reference)
            if image_id is None:
                return
            left = self.images[image_id] - {reference, image_id}
            used = {self._image_id(i.spec.image) for i in self.instances.values()}
            if not left and image_id in used:
                raise Conflict(f"image {reference} is what an instance was made from")
            self.images[image_id].discard(reference)
            if not left:
                del self.images[image_id]

    def list_images(self, prefix: str) -> Sequence[StoredImage]:
        with self.calling("list_images"):
            return [
                StoredImage(image_id, tuple(sorted(names - {image_id})), 1_000_000, self._clock)
                for image_id, names in self.images.items()
                if any(name.startswith(prefix) for name in names)
            ]

    def prune_build_cache(self, *, keep_bytes: int, unused_for: timedelta | None = None) -> int:
        del keep_bytes, unused_for
        with self.calling("prune_build_cache"):
            return 0

    def disk_usage(self) -> DiskUsage:
        with self.calling("disk_usage"):
            return DiskUsage(len(self.images) * 1_000_000, 0, 0, 0, 10**11, 10**12)

    # Inside

    @contextmanager
    def calling(self, method: str) -> Iterator[None]:
        self.guard()
        with self._lock:
            self.calls.append(method)
            self._break(self._before, method)
            yield
            self._break(self._after, method)

    @staticmethod
    def _break(faults: dict[str, _Fault], method: str) -> None:
        fault = faults.get(method)
        if fault is not None and fault.left > 0:
            fault.left -= 1
            raise fault.error

    def _known(self, provider_id: str) -> FakeInstance:
        if provider_id not in self.instances:
            raise NotFound(f"instance {provider_id} is not there")
        return self.instances[provider_id]

    def _end(self, instance: FakeInstance, exit_code: int, *, oom_killed: bool = False) -> None:
        instance.status = replace(
            instance.status,
            state=InstanceState.EXITED,
            exit_code=exit_code,
            oom_killed=oom_killed,
            finished_at=self._now(),
        )

    def _objects(self) -> Iterator[ProviderObject]:
        for key, instance in self.instances.items():
            tags, state, made = instance.spec.tags, instance.status.state, instance.created_at
            yield ProviderObject(ObjectKind.INSTANCE, key, key, tags, state, made)
        for project_id, name in self.networks.items():
            yield ProviderObject(ObjectKind.NETWORK, name, name, {"project": str(project_id)})
        for name, tags in self.volumes.items():
            yield ProviderObject(ObjectKind.VOLUME, name, name, tags)

    def _ensure_network(self, project_id: UUID) -> str:
        return self.networks.setdefault(project_id, f"network-{project_id}")

    def _address_is_held(self, provider_id: str, spec: InstanceSpec) -> bool:
        mine = (spec.address, spec.host_port)
        return spec.kind is InstanceKind.SERVICE and any(
            other.status.state is InstanceState.RUNNING
            and key != provider_id
            and other.spec.kind is InstanceKind.SERVICE
            and (other.spec.address, other.spec.host_port) == mine
            for key, other in self.instances.items()
        )

    def _image_id(self, reference: str) -> str | None:
        return next((k for k, names in self.images.items() if reference in names), None)

    def _now(self) -> datetime:
        """Every look at the clock is a millisecond later."""
        self._clock += timedelta(milliseconds=1)
        return self._clock

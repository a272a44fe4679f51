"""What a builder is: turns a context and a Dockerfile into a stored image."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from infra.agent.build.limits import StepLimits
from infra.agent.build.spec import Registry
from infra.agent.job import Job


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """One image to make.

    `dockerfile` lies outside `context`. `arguments` are not secret. `secrets` are files by the
    id a RUN step mounts them with. `docker_config` is a private folder that holds the registry's
    login. `deadline` is in monotonic seconds, `seconds` what it was to begin with.
    `cache_scope` sets apart the cache mounts of those who must not meet in one; nobody outside of
    this machine can guess it.
    `ingredients` and the names of the `bases` say what the image is made of, for builders that
    know whether they have made it before.
    """

    context: Path
    dockerfile: Path
    tag: str
    docker_config: Path
    limits: StepLimits
    deadline: float
    seconds: float
    target: str | None = None
    no_cache: bool = False
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    frontend: str | None = None
    registry: Registry | None = None
    cache_scope: str = ""
    ingredients: str = ""
    bases: tuple[str, ...] = ()

    @property
    def namespace(self) -> dict[str, str]:
        """The argument by which BuildKit puts the scope before the id of every cache mount.

        It is for the frontend alone: no step sees it and no layer depends on it.
        """
        return {"BUILDKIT_CACHE_MOUNT_NS": self.cache_scope} if self.cache_scope else {}

    @property
    def pushed_name(self) -> str | None:
        """The image's name in the registry, None where it stays on this machine."""
        if self.registry is None:
            return None
        return f"{self.registry.repository}:{self.tag.rpartition(':')[2]}"


@dataclass(frozen=True, slots=True)
class Image:
    """`reference` is what an instance starts from: a manifest digest, or the engine's image id.

    `size_bytes` is 0 where the builder does not say.
    """

    reference: str
    size_bytes: int
    push_ms: int = 0
    warnings: tuple[str, ...] = ()


class Builder(Protocol):
    """Raises BuildFailed, BuildTimedOut, BuildOutOfMemory, DiskFull, RegistryFailed, Transient,
    Cancelled; after any of them nothing of the build still runs.
    """

    @property
    def supports_frontends(self) -> bool:
        """Whether a build may be read by another frontend than the Dockerfile's."""
        ...

    def check_disk(self, job: Job, free_mb: int) -> None:
        """Raises DiskFull when less than `free_mb` MiB are free where images are kept."""
        ...

    def login(
        self, registry: Registry, username: str, password: str, config: Path, job: Job
    ) -> None:
        """Leaves the login in the folder `config`. Raises RegistryFailed."""
        ...

    def build(self, request: BuildRequest, job: Job) -> Image:
        """Builds, streams the log, and pushes where the request names a registry."""
        ...

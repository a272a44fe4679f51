"""What a build job asks for, and what it may know while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.agent.build.git import GitCredentials
from infra.agent.build.limits import StepLimits
from infra.agent.build.source import Wanted
from infra.agent.settings import Settings
from shared.domain.detection.plan import BuildSettings
from shared.domain.errors import Invalid


@dataclass(frozen=True, slots=True)
class Registry:
    """Where images go: `host/project/name`; `insecure` allows plain HTTP."""

    repository: str
    insecure: bool = False

    @property
    def host(self) -> str:
        """What a login is for; an image name without a host is Docker Hub's."""
        first = self.repository.partition("/")[0]
        return first if "." in first or ":" in first or first == "localhost" else "docker.io"


@dataclass(frozen=True, slots=True)
class BuildLimits:
    """Times in seconds, sizes in MiB."""

    step: StepLimits
    timeout_seconds: float
    clone_timeout_seconds: float
    source_mb: int


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """One build. `image` is the tag to make, `c2d/<service>:r<number>`.

    `scope` owns it; within a scope, builds of one `cache` share what their steps keep.
    """

    scope: str
    cache: str
    source: Wanted
    root_directory: str
    settings: BuildSettings
    image: str
    registry: Registry | None
    no_cache: bool
    limits: BuildLimits
    base_images: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BuildSecrets:
    """Credentials and build variables; `hidden` names the variables that are secret.

    `parts` are secrets that others are made of: they may appear on their own. `git_lost` says why
    a connected repository comes without credentials.
    """

    git: GitCredentials = field(default_factory=GitCredentials)
    registry: tuple[str, str] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    git_lost: str | None = None

    def to_mask(self) -> list[str]:
        """Every value that must not appear anywhere."""
        values = [self.git.password, self.git.ssh_key, self.registry and self.registry[1]]
        values += [self.variables[name] for name in self.hidden]
        values += self.parts
        return [value for value in values if value]

    @property
    def plain(self) -> dict[str, str]:
        """The variables anybody may see."""
        return {key: value for key, value in self.variables.items() if key not in self.hidden}


def read_spec(spec: Mapping[str, Any], settings: Settings) -> BuildSpec:
    """The job's spec with the agent's defaults. Raises Invalid where it lacks something."""
    try:
        source, registry = spec["source"], spec.get("registry")
        return BuildSpec(
            scope=str(spec.get("organization_id") or spec["service_id"]),
            cache=str(spec.get("cache") or ""),
            source=Wanted(source["url"], source.get("ref") or None, source.get("sha") or None),
            root_directory=spec.get("root_directory") or "",
            settings=BuildSettings(
                dockerfile_path=spec.get("dockerfile_path") or None,
                dockerfile_target=spec.get("dockerfile_target") or None,
                install_command=spec.get("install_command") or None,
                build_command=spec.get("build_command") or None,
                start_command=spec.get("start_command") or None,
                port=int(spec["port"]) if spec.get("port") else None,
            ),
            image=spec["image"],
            registry=_registry(registry) if registry else None,
            no_cache=bool(spec.get("no_cache")),
            limits=_limits(spec.get("limits") or {}, settings),
            base_images=dict(spec.get("base_images") or {}),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(f"This agent cannot read the build job ({error!r}).") from error


def read_secrets(answer: Mapping[str, Any]) -> BuildSecrets:
    """What the control plane handed out."""
    git, registry = answer.get("git") or {}, answer.get("registry")
    env = answer.get("env") or {}
    return BuildSecrets(
        git=GitCredentials(
            username=git.get("username"),
            password=git.get("password"),
            ssh_key=git.get("ssh_key"),
            known_hosts=git.get("known_hosts"),
        ),
        registry=(registry["username"], registry["password"]) if registry else None,
        variables={key: entry["value"] for key, entry in env.items()},
        hidden=frozenset(key for key, entry in env.items() if entry.get("secret", True)),
        parts=tuple(answer.get("mask") or ()),
        git_lost=answer.get("git_lost"),
    )


def _registry(given: Mapping[str, Any]) -> Registry:
    return Registry(given["repository"], bool(given.get("insecure")))


def _limits(given: Mapping[str, Any], settings: Settings) -> BuildLimits:
    return BuildLimits(
        step=StepLimits(
            cpus=float(given.get("cpus") or settings.build_cpus),
            memory_mb=int(given.get("memory_mb") or settings.build_memory_mb),
        ),
        timeout_seconds=float(given.get("timeout_seconds") or settings.build_timeout_seconds),
        clone_timeout_seconds=float(
            given.get("clone_timeout_seconds") or settings.clone_timeout_seconds
        ),
        source_mb=int(given.get("source_mb") or settings.source_mb),
    )

"""The agent's settings: one environment variable each, none of them secret but the token."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from shared.adapters.docker.engine import DEFAULT_POOL, DockerConfig

ROLES: Final = ("build", "edge")

HELP: Final = """\
settings (environment variables):
  C2D_AGENT_URL             control plane, e.g. http://127.0.0.1:8080 (required)
  C2D_AGENT_TOKEN           the agent's registration token, c2da_... (required)
  C2D_AGENT_TOKEN_FILE      or the file it is in
  C2D_AGENT_NAME            name the control plane shows (the host's name)
  C2D_AGENT_ROLES           build,edge or one of them (build,edge)
  C2D_AGENT_BUILDS          builds that run at once on this machine (2)
  C2D_AGENT_POLL_SECONDS    how long one claim waits for a job (5)
  C2D_AGENT_DRAIN_SECONDS   how long SIGTERM lets running jobs finish (900)
  C2D_HOME                  state folder (/var/lib/click-to-deploy as root,
                            else ~/.local/share/click-to-deploy)
  C2D_HTTP_PORT             where this machine's router listens (7080)
  C2D_PLATFORM_ID           marks what is the platform's on this engine (local)
  C2D_NETWORK_POOL          where projects get their networks (10.201.0.0/16)
  C2D_BUILDER               docker or buildctl (docker)
  C2D_DOCKER                the docker command (found by itself)
  C2D_BUILDCTL              the buildctl command (buildctl)
  BUILDKIT_ADDRESS          buildctl only (unix:///run/buildkit/buildkitd.sock)
  C2D_BUILDKIT_ROOT         where BuildKit keeps its running steps (found by itself)
  C2D_DOCKERFILE_SYNTAX     pass or strip '# syntax=' lines (pass)
  C2D_BUILD_CA              CA bundle (PEM) that build steps trust when they download
  C2D_ALLOW_PRIVATE_GIT     true: clone from private and loopback addresses (false)
  C2D_ALLOW_LOCAL_GIT       true: clone from folders of this machine (false)
  C2D_MIN_FREE_DISK_MB      free space a build needs to start (2048)
  C2D_BUILD_CPUS            CPUs of a build step, unless the job says otherwise (2)
  C2D_BUILD_MEMORY_MB       memory of a build step, likewise (4096)
  C2D_BUILD_TIMEOUT_SECONDS time for a build, likewise (1800)
  C2D_CLONE_TIMEOUT_SECONDS time for a clone, likewise (300)
  C2D_SOURCE_MB             size of a clone, likewise (2048)
"""


class BadSettings(Exception):
    """A setting is missing or makes no sense; the text names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the agent can be told. Sizes are MiB, times are seconds."""

    url: str
    token: str
    name: str
    roles: tuple[str, ...]
    home: Path
    http_port: int = 7080
    builds: int = 2
    poll_seconds: float = 5.0
    drain_seconds: float = 900.0
    builder: str = "docker"
    docker: str | None = None
    buildctl: str = "buildctl"
    buildkit_address: str = "unix:///run/buildkit/buildkitd.sock"
    buildkit_root: Path | None = None
    strip_syntax: bool = False
    build_ca: Path | None = None
    allow_private_git: bool = False
    allow_local_git: bool = False
    min_free_disk_mb: int = 2048
    build_cpus: float = 2.0
    build_memory_mb: int = 4096
    build_timeout_seconds: float = 1800.0
    clone_timeout_seconds: float = 300.0
    source_mb: int = 2048
    engine: DockerConfig = field(default_factory=lambda: DockerConfig(platform_id="local"))

    @property
    def folder(self) -> Path:
        """Where this agent keeps its files."""
        return self.home / "agent" / self.name


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings in `environ`. Raises BadSettings."""
    read = _Reader(environ)
    return Settings(
        url=read.required("C2D_AGENT_URL").rstrip("/"),
        token=read.secret("C2D_AGENT_TOKEN"),
        name=read.name(),
        roles=read.roles(),
        home=Path(environ.get("C2D_HOME") or default_home()),
        http_port=int(read.number("C2D_HTTP_PORT", 7080, least=1)),
        builds=int(read.number("C2D_AGENT_BUILDS", 2, least=1)),
        poll_seconds=read.number("C2D_AGENT_POLL_SECONDS", 5),
        drain_seconds=read.number("C2D_AGENT_DRAIN_SECONDS", 900),
        builder=read.choice("C2D_BUILDER", ("docker", "buildctl")),
        docker=environ.get("C2D_DOCKER") or None,
        buildctl=environ.get("C2D_BUILDCTL") or "buildctl",
        buildkit_address=environ.get("BUILDKIT_ADDRESS") or "unix:///run/buildkit/buildkitd.sock",
        buildkit_root=read.path("C2D_BUILDKIT_ROOT"),
        strip_syntax=read.choice("C2D_DOCKERFILE_SYNTAX", ("pass", "strip")) == "strip",
        build_ca=read.path("C2D_BUILD_CA"),
        allow_private_git=read.flag("C2D_ALLOW_PRIVATE_GIT"),
        allow_local_git=read.flag("C2D_ALLOW_LOCAL_GIT"),
        min_free_disk_mb=int(read.number("C2D_MIN_FREE_DISK_MB", 2048)),
        build_cpus=read.number("C2D_BUILD_CPUS", 2, least=0.1),
        build_memory_mb=int(read.number("C2D_BUILD_MEMORY_MB", 4096, least=64)),
        build_timeout_seconds=read.number("C2D_BUILD_TIMEOUT_SECONDS", 1800, least=1),
        clone_timeout_seconds=read.number("C2D_CLONE_TIMEOUT_SECONDS", 300, least=1),
        source_mb=int(read.number("C2D_SOURCE_MB", 2048, least=1)),
        engine=read.engine(),
    )


def default_home() -> Path:
    """The state folder where C2D_HOME does not say."""
    if os.geteuid() == 0:
        return Path("/var/lib/click-to-deploy")
    return Path.home() / ".local" / "share" / "click-to-deploy"


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def required(self, key: str) -> str:
        if value := self._environ.get(key, "").strip():
            return value
        raise BadSettings(f"{key} is not set")

    def secret(self, key: str) -> str:
        """The value, or what is in the file that the setting with _FILE names."""
        file = self._environ.get(f"{key}_FILE")
        if self._environ.get(key) or not file:
            return self.required(key)
        try:
            if text := Path(file).read_text().strip():
                return text
        except (OSError, UnicodeDecodeError) as error:
            raise BadSettings(f"{key}_FILE cannot be read: {error}") from error
        raise BadSettings(f"{key}_FILE names {file}, which is empty")

    def path(self, key: str) -> Path | None:
        return Path(value) if (value := self._environ.get(key)) else None

    def number(self, key: str, default: float, *, least: float = 0) -> float:
        text = self._environ.get(key) or str(default)
        try:
            value = float(text)
        except ValueError:
            raise BadSettings(f"{key} is {text!r}, which is no number") from None
        if value < least:
            raise BadSettings(f"{key} is {text}, the least is {least:g}")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._environ.get(key) or choices[0]
        if value not in choices:
            raise BadSettings(f"{key} is {value!r}: use {' or '.join(choices)}")
        return value

    def flag(self, key: str) -> bool:
        value = self._environ.get(key, "").strip().lower()
        if value in {"", "0", "false", "no", "off"}:
            return False
        if value in {"1", "true", "yes", "on"}:
            return True
        raise BadSettings(f"{key} is {value!r}: use true or false")

    def roles(self) -> tuple[str, ...]:
        text = self._environ.get("C2D_AGENT_ROLES") or ",".join(ROLES)
        roles = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
        if unknown := [role for role in roles if role not in ROLES]:
            raise BadSettings(f"C2D_AGENT_ROLES has {unknown[0]!r}: there are {', '.join(ROLES)}")
        return roles or ROLES

    def engine(self) -> DockerConfig:
        platform, pool = self._environ.get("C2D_PLATFORM_ID"), self._environ.get("C2D_NETWORK_POOL")
        try:
            network = IPv4Network(pool) if pool else DEFAULT_POOL
        except ValueError as error:
            raise BadSettings(f"C2D_NETWORK_POOL is {pool!r}: {error}") from error
        return DockerConfig(platform_id=platform or "local", pool=network)

    def name(self) -> str:
        name = self._environ.get("C2D_AGENT_NAME") or socket.gethostname()
        if not name.replace("-", "").replace(".", "").replace("_", "").isalnum() or ".." in name:
            raise BadSettings(f"C2D_AGENT_NAME is {name!r}: use letters, digits, '-', '_', '.'")
        return name

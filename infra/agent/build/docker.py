"""Builds with the Docker engine's BuildKit, through the docker command."""

import re
import time
from pathlib import Path
from typing import Final

from infra.agent.build.builders import BuildRequest, Image
from infra.agent.build.engine import (
    DockerCommand,
    Engine,
    check_free,
    docker_environment,
    find_docker,
)
from infra.agent.build.engine_socket import EngineSocket
from infra.agent.build.limits import StepLimiter
from infra.agent.build.reuse import LABEL, made_before, made_of
from infra.agent.build.running import enforced, no_proxy, run_client
from infra.agent.build.spec import Registry
from infra.agent.job import Job
from infra.agent.process import Program
from infra.agent.settings import Settings
from shared.domain.errors import PlatformError

_CLIENTS_OWN: Final = re.compile(
    r"^(?:PATH|HOME|TMPDIR|TERM|LD_.*|DOCKER_.*|BUILD(?:X|KIT)_.*|SSL_.*|XDG_.*|GO[A-Z]+|GLIBC_.*"
    r"|MALLOC_.*|.*_PROXY|.*_proxy)$"
)
"""Arguments of these names would steer the client itself if they came by its environment."""


class DockerBuilder:
    """One Docker engine. Its client is looked for when first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine: Engine | None = None
        self._data: Path | None = None

    @property
    def supports_frontends(self) -> bool:
        return self._client().buildx

    def check_disk(self, job: Job, free_mb: int) -> None:
        check_free(self._root(job), free_mb, job)

    def login(
        self, registry: Registry, username: str, password: str, config: Path, job: Job
    ) -> None:
        self._ready().login(registry, username, password, config, job)

    def build(self, request: BuildRequest, job: Job) -> Image:
        engine = self._ready()
        try:
            image = self._made(request, engine, job)
            return self._pushed(image, request, engine, job) if request.registry else image
        except PlatformError:
            engine.untag(filter(None, (request.pushed_name, request.tag)))
            raise

    def _made(self, request: BuildRequest, engine: Engine, job: Job) -> Image:
        socket = EngineSocket.of()
        value = made_of(request, socket)
        if (known := made_before(request, value, socket)) is not None:
            job.log("Nothing this image is made of has changed: it is used again, not built.")
            return known
        return self._built(request, value, engine, job)

    def _built(self, request: BuildRequest, value: str, engine: Engine, job: Job) -> Image:
        with enforced(self._limiter(job), request) as (enforcement, warnings):
            marked = no_proxy(request.arguments.get("NO_PROXY", ""), enforcement)
            arguments = {**request.arguments, **request.namespace, **marked}
            run_client(self._program(request, arguments, value), request, job, enforcement)
        found = engine.inspect(request.tag, request.docker_config, job)
        return Image(str(found["Id"]), int(found["Size"]), warnings=warnings)

    def _pushed(self, image: Image, request: BuildRequest, engine: Engine, job: Job) -> Image:
        name = request.pushed_name or ""
        started = time.monotonic()
        engine.call(["tag", request.tag, name], request.docker_config, job)
        digest = engine.push(name, request.docker_config, job)
        took = int((time.monotonic() - started) * 1000)
        repository = name.rpartition(":")[0]
        return Image(f"{repository}@{digest}", image.size_bytes, took, image.warnings)

    def _program(self, request: BuildRequest, arguments: dict[str, str], value: str) -> Program:
        """Values go by the environment: an argument list is readable by every user."""
        by_environment = {k: v for k, v in arguments.items() if not _CLIENTS_OWN.match(k)}
        client = self._client()
        argv = [client.path, "build", "--progress=plain", "--network=default"]
        argv += ["--file", str(request.dockerfile), "--tag", request.tag]
        argv += ["--label", f"{LABEL}={value}"]
        if request.target:
            argv += ["--target", request.target]
        if request.no_cache:
            argv += ["--no-cache"]
        if request.frontend:
            argv += ["--build-arg", f"BUILDKIT_SYNTAX={request.frontend}"]
        for key, value in sorted(arguments.items()):
            argv += ["--build-arg", key if key in by_environment else f"{key}={value}"]
        for name, path in sorted(request.secrets.items()):
            argv += ["--secret", f"id={name},src={path}"]
        env = docker_environment(request.docker_config, by_environment)
        return Program([*argv, str(request.context)], env=env, deadline=request.deadline)

    def _limiter(self, job: Job) -> StepLimiter:
        return StepLimiter(
            (self._settings.buildkit_root or self._root(job) / "buildkit") / "executor"
        )

    def _root(self, job: Job) -> Path:
        """Where the engine keeps its images: asked once."""
        if self._data is None:
            self._data = self._ready().root(self._settings.folder, job)
        return self._data

    def _client(self) -> DockerCommand:
        return self._ready().command

    def _ready(self) -> Engine:
        if self._engine is None:
            self._engine = Engine(find_docker(self._settings.docker))
        return self._engine

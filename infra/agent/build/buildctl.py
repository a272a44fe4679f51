"""Builds with a standalone buildkitd, through the buildctl command."""

import base64
import json
import os
from pathlib import Path
from typing import Any, Final

from infra.agent.build.builders import BuildRequest, Image
from infra.agent.build.engine import Engine, check_free, find_docker
from infra.agent.build.limits import StepLimiter
from infra.agent.build.running import enforced, no_proxy, run_client
from infra.agent.build.spec import Registry
from infra.agent.job import Job
from infra.agent.process import Program
from infra.agent.settings import Settings
from shared.domain.errors import RegistryFailed, Transient

_ROOT: Final = Path("/var/lib/buildkit")
_WORKERS: Final = ("runc-overlayfs", "runc-native", "runc-stargz", "runc-fuse-overlayfs")
_PASSED: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")


class BuildctlBuilder:
    """One buildkitd. Without a registry its images are loaded into the Docker engine.

    buildctl takes build arguments in its argument list only, so a machine's other users can read
    the plain ones; secrets go by files as everywhere. Step limits need a buildkitd on this
    machine whose folder this user can read.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._root = settings.buildkit_root or _ROOT

    @property
    def supports_frontends(self) -> bool:
        return True

    def check_disk(self, job: Job, free_mb: int) -> None:
        check_free(self._root, free_mb, job)

    def login(
        self, registry: Registry, username: str, password: str, config: Path, job: Job
    ) -> None:
        """buildctl has no login: it reads the registry's credentials from docker's file.

        A wrong password is only noticed by the push, which raises RegistryFailed then.
        """
        job.check()
        pair = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
        docker_hub = "https://index.docker.io/v1/"
        host = docker_hub if registry.host == "docker.io" else registry.host
        opened = os.open(config / "config.json", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "w") as file:
            json.dump({"auths": {host: {"auth": pair}}}, file)

    def build(self, request: BuildRequest, job: Job) -> Image:
        limiter = StepLimiter(self._executor()) if self._is_here() else None
        with enforced(limiter, request) as (enforcement, warnings):
            marked = no_proxy(request.arguments.get("NO_PROXY", ""), enforcement)
            program = self._program(request, {**request.arguments, **request.namespace, **marked})
            run_client(program, request, job, enforcement)
        metadata = _metadata(request)
        if request.registry:
            return _pushed(request, metadata, warnings)
        return self._loaded(request, job, warnings)

    def _program(self, request: BuildRequest, arguments: dict[str, str]) -> Program:
        argv = [self._settings.buildctl, "--addr", self._settings.buildkit_address, "build"]
        argv += ["--progress=plain"]
        if request.frontend:
            argv += ["--frontend", "gateway.v0", "--opt", f"source={request.frontend}"]
        else:
            argv += ["--frontend", "dockerfile.v0"]
        argv += ["--local", f"context={request.context}"]
        argv += ["--local", f"dockerfile={request.dockerfile.parent}"]
        argv += ["--opt", f"filename={request.dockerfile.name}"]
        if request.target:
            argv += ["--opt", f"target={request.target}"]
        if request.no_cache:
            argv += ["--no-cache"]
        for key, value in sorted(arguments.items()):
            argv += ["--opt", f"build-arg:{key}={value}"]
        for name, path in sorted(request.secrets.items()):
            argv += ["--secret", f"id={name},src={path}"]
        argv += ["--output", _output(request), "--metadata-file", str(_metadata_file(request))]
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(request.docker_config),
            "DOCKER_CONFIG": str(request.docker_config),
            **{key: os.environ[key] for key in _PASSED if key in os.environ},
        }
        return Program(argv, env=env, deadline=request.deadline)

    def _loaded(self, request: BuildRequest, job: Job, warnings: tuple[str, ...]) -> Image:
        archive = _archive(request)
        engine = Engine(find_docker(self._settings.docker))
        args = ["load", "--quiet", "--input", str(archive)]
        code, _, err = engine.call(args, request.docker_config, job)
        archive.unlink(missing_ok=True)
        if code:
            raise Transient(f"The Docker engine did not take the image: {err.strip()[:160]}.")
        found = engine.inspect(request.tag, request.docker_config, job)
        return Image(str(found["Id"]), int(found["Size"]), warnings=warnings)

    def _is_here(self) -> bool:
        return self._settings.buildkit_address.startswith("unix://")

    def _executor(self) -> Path:
        folders = [self._root / worker / "executor" for worker in _WORKERS]
        return next((folder for folder in folders if folder.is_dir()), folders[0])


def _output(request: BuildRequest) -> str:
    if request.registry is None:
        return f"type=docker,name={request.tag},dest={_archive(request)}"
    insecure = ",registry.insecure=true" if request.registry.insecure else ""
    return f"type=image,name={request.pushed_name},push=true{insecure}"


def _pushed(request: BuildRequest, metadata: dict[str, Any], warnings: tuple[str, ...]) -> Image:
    digest = metadata.get("containerimage.digest")
    repository = (request.pushed_name or "").rpartition(":")[0]
    if not digest:
        raise RegistryFailed(f"buildctl reported no digest for {repository}; deploy again.")
    return Image(f"{repository}@{digest}", 0, warnings=warnings)


def _metadata(request: BuildRequest) -> dict[str, Any]:
    try:
        found = json.loads(_metadata_file(request).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _metadata_file(request: BuildRequest) -> Path:
    return request.dockerfile.parent / "metadata.json"


def _archive(request: BuildRequest) -> Path:
    return request.dockerfile.parent / "image.tar"

"""The Docker command line: found, called without this machine's configuration, told apart."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.agent.build.causes import push_failed
from infra.agent.build.engine_socket import EngineSocket
from infra.agent.build.spec import Registry
from infra.agent.job import Job
from infra.agent.process import Program, TimedOut, collect, run
from shared.domain.errors import DiskFull, RegistryFailed, Transient

MIB: Final = 1024 * 1024
_PASSED: Final = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "SSL_CERT_FILE")
_CALL_SECONDS: Final = 60.0
_PUSH_SECONDS: Final = 900.0
_DIGEST: Final = re.compile(r"digest: (sha256:[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class DockerCommand:
    """A docker client that can build: an old one by itself, a newer one with buildx."""

    path: str
    buildx: bool


def find_docker(wanted: str | None, environ: Mapping[str, str] = os.environ) -> DockerCommand:
    """The client to use. Raises Transient where none can build."""
    candidates = [wanted] if wanted else [shutil.which("docker"), "/usr/bin/docker"]
    for path in filter(None, candidates):
        if not shutil.which(path):
            continue
        if _result([path, "buildx", "version"], environ)[0] == 0:
            return DockerCommand(path, buildx=True)
        version = re.search(r"version (\d+)\.", _result([path, "--version"], environ)[1])
        if version and int(version[1]) < 23:
            return DockerCommand(path, buildx=False)
    raise Transient(
        "No docker command that can build was found: install docker.io, or docker with its buildx "
        "plugin, or set C2D_DOCKER."
    )


def docker_environment(config: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a docker command whose configuration is the folder `config`."""
    return {
        **(extra or {}),
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(config),
        "DOCKER_CONFIG": str(config),
        "DOCKER_BUILDKIT": "1",
        **{key: os.environ[key] for key in _PASSED if key in os.environ},
    }


@dataclass(slots=True)
class Engine:
    """Short calls to the Docker engine."""

    command: DockerCommand

    def call(
        self, args: Sequence[str], config: Path, job: Job, stdin: bytes | None = None
    ) -> tuple[int, str, str]:
        """Runs `docker args`: exit code and both outputs. Raises Transient, Cancelled."""
        program = Program(
            [self.command.path, *args],
            env=docker_environment(config),
            stdin=stdin,
            deadline=time.monotonic() + _CALL_SECONDS,
        )
        try:
            return collect(program, job)
        except TimedOut:
            raise Transient(
                f"The Docker engine did not answer `docker {args[0]}` within "
                f"{_CALL_SECONDS:g} seconds; check it and deploy again."
            ) from None

    def inspect(self, image: str, config: Path, job: Job) -> dict[str, Any]:
        """What the engine says of an image. Raises Transient when it has none of that name."""
        if (known := EngineSocket.of().image(image)) is not None:
            return known
        code, out, err = self.call(["image", "inspect", image], config, job)
        if code:
            raise Transient(f"The Docker engine has lost the image {image}: {err.strip()[:120]}.")
        found: dict[str, Any] = json.loads(out)[0]
        return found

    def root(self, config: Path, job: Job) -> Path:
        """Where the engine keeps its images. Raises Transient when it is not running."""
        code, out, err = self.call(["info", "--format", "{{.DockerRootDir}}"], config, job)
        if code or not out.strip():
            raise Transient(
                f"The Docker engine does not answer ({err.strip()[:120]}); start it and try again."
            )
        return Path(out.strip())

    def login(
        self, registry: Registry, username: str, password: str, config: Path, job: Job
    ) -> None:
        """Raises RegistryFailed. The password goes through standard input only."""
        args = ["login", "--username", username, "--password-stdin"]
        host = [] if registry.host == "docker.io" else [registry.host]
        code, _, err = self.call([*args, *host], config, job, stdin=password.encode())
        if code:
            raise push_failed(err, registry.repository)

    def push(self, name: str, config: Path, job: Job) -> str:
        """Pushes `name`; its manifest's digest. Raises RegistryFailed, DiskFull, Cancelled."""
        out, err = bytearray(), bytearray()
        writer = job.writer("stdout")
        deadline = time.monotonic() + _PUSH_SECONDS
        program = Program(
            [self.command.path, "push", name], env=docker_environment(config), deadline=deadline
        )

        def show(data: bytes) -> None:
            out.extend(data)
            writer.write(data)

        try:
            code = run(program, job, stdout=show, stderr=err.extend)
        except TimedOut:
            raise RegistryFailed(
                f"The push to {name} took longer than {_PUSH_SECONDS:g} seconds; deploy again."
            ) from None
        finally:
            writer.close()
        digest = _DIGEST.search(out.decode("utf-8", "replace"))
        if code or digest is None:
            raise push_failed(err.decode("utf-8", "replace"), name)
        return digest[1]

    def untag(self, names: Iterable[str]) -> None:
        """Takes these names away, also of a job that was told to stop; none of them need exist."""
        for name in names:
            _result([self.command.path, "image", "rm", "--no-prune", name], os.environ)


def check_free(folder: Path, least_mb: int, job: Job) -> None:
    """Raises DiskFull when `folder`'s file system has less than `least_mb` MiB free."""
    try:
        free = shutil.disk_usage(folder).free // MIB
    except OSError:
        job.log(f"The free space in {folder} cannot be read from here: not checked.")
        return
    if free < least_mb:
        raise DiskFull(
            f"{folder} has {free} MiB free and a build needs {least_mb} MiB: free some space "
            "(docker builder prune removes the build cache) and deploy again."
        )


def _result(argv: list[str], environ: Mapping[str, str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            argv, env=dict(environ), capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 1, ""
    return done.returncode, done.stdout

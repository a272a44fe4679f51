"""Builds and runs plans with the Docker command line, as the build agent's engine would."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from shared.domain.detection import BuildSettings, DirectoryTree, Plan, detect

DOCKER = "/usr/bin/docker"
EXAMPLES = Path(__file__).parents[3] / "examples"


@dataclass(frozen=True)
class Built:
    """An image and the plain progress output of its build."""

    image: str
    plan: Plan
    output: str

    def cached(self, word: str) -> bool:
        """Whether every step with `word` in its title came from the cache."""
        steps = re.findall(rf"^#(\d+) \[[^\]]*\d+/\d+\] .*{re.escape(word)}", self.output, re.M)
        assert steps, f"no step with {word!r} in\n{self.output}"
        return all(re.search(rf"^#{step} CACHED$", self.output, re.M) for step in set(steps))


class Project:
    """A copy of an example that can be changed and built again."""

    def __init__(self, name: str, folder: Path) -> None:
        self.source = folder / name
        if (EXAMPLES / name).is_dir():
            shutil.copytree(EXAMPLES / name, self.source)
        self.scope = uuid4().hex[:8]
        self._folder = folder
        self.images: list[str] = []

    @classmethod
    def of(cls, files: dict[str, str], folder: Path) -> "Project":
        """A project of these files."""
        made = cls("tree", folder)
        for path, text in files.items():
            (made.source / path).parent.mkdir(parents=True, exist_ok=True)
            (made.source / path).write_text(text)
        return made

    def change(self, path: str, old: str, new: str) -> None:
        text = (self.source / path).read_text()
        assert old in text
        (self.source / path).write_text(text.replace(old, new))

    def build(self, settings: BuildSettings | None = None, env: str = "") -> Built:
        """Detect, then build. `env` is the file with the build variables."""
        plan = detect(DirectoryTree(self.source), settings)
        image = f"c2d-test/{self.source.name}:{self.scope}-{len(self.images)}"
        argv = [DOCKER, "build", "--progress=plain", "--tag", image]
        argv += ["--label", f"c2d-test={self.scope}"]
        argv += ["--build-arg", f"C2D_ENV_DIGEST={hash(env)}"] if plan.dockerfile else []
        secret = self._folder / "env"
        secret.write_text(env)
        argv += ["--secret", f"id=c2d_env,src={secret}"] if env else []
        argv += [*self._file(plan), str(self.source)]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=280, env=_environment(), check=False
        )
        assert done.returncode == 0, done.stderr
        self.images.append(image)
        return Built(image, plan, done.stderr)

    def _file(self, plan: Plan) -> list[str]:
        if plan.dockerfile is None:
            assert plan.dockerfile_path is not None
            target = ["--target", plan.dockerfile_target] if plan.dockerfile_target else []
            return ["--file", str(self.source / plan.dockerfile_path), *target]
        file = self._folder / "Dockerfile"
        file.write_text(plan.dockerfile)
        if plan.dockerignore is not None:
            (self._folder / "Dockerfile.dockerignore").write_text(plan.dockerignore)
        return ["--file", str(file)]

    def remove(self) -> None:
        for image in self.images:
            docker("image", "rm", "--force", image)


class Running:
    """A container and its published port."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        published = docker("port", name, f"{port}/tcp").splitlines()[0]
        self.url = f"http://{published}"

    def get(self, path: str = "/") -> tuple[int, str, dict[str, str]]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=10) as answer:
                return answer.status, answer.read().decode(), _headers(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode(), _headers(refused)

    def answer(self, seconds: float = 30) -> str:
        """The body of `/`, as soon as the app answers."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return self.get()[1]
            except OSError:
                state = docker("inspect", "--format", "{{.State.Running}}", self.name)
                if state != "true" or time.monotonic() > deadline:
                    raise AssertionError(docker("logs", self.name, with_errors=True)) from None
            time.sleep(0.05)

    def uids(self) -> set[str]:
        """Real user ids of all processes in the container."""
        script = "cat /proc/[0-9]*/status"
        text = docker("exec", self.name, "sh", "-c", script)
        return set(re.findall(r"^Uid:\s+(\d+)", text, re.M))

    def has(self, path: str) -> bool:
        """Whether a file or folder exists in the container."""
        answer = docker("exec", self.name, "sh", "-c", f"test -e {path} && echo yes || echo no")
        return answer == "yes"

    def stop(self) -> tuple[int, float]:
        """Exit code after SIGTERM, and the seconds it took."""
        began = time.monotonic()
        docker("stop", "--time", "20", self.name)
        took = time.monotonic() - began
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", self.name)), took


@contextmanager
def running(built: Built, **environment: str) -> Iterator[Running]:
    """Start it the way instances run: no capabilities, no new privileges, PORT given."""
    name = f"c2d-test-{uuid4().hex[:8]}"
    port = built.plan.port
    argv = ["run", "--detach", "--init", "--name", name, "--publish", f"127.0.0.1::{port}"]
    argv += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--memory", "512m"]
    for key, value in ({"PORT": str(port)} | environment).items():
        argv += ["--env", f"{key}={value}"]
    docker(*argv, built.image)
    try:
        yield Running(name, port)
    finally:
        docker("rm", "--force", "--volumes", name)


def docker(*args: str, with_errors: bool = False) -> str:
    done = subprocess.run(
        [DOCKER, *args], capture_output=True, text=True, timeout=60, env=_environment(), check=False
    )
    assert done.returncode == 0, (args, done.stderr)
    return (done.stdout + done.stderr if with_errors else done.stdout).strip()


def image_history(image: str) -> str:
    """Everything an image says about how it was made."""
    config = docker("image", "inspect", image)
    json.loads(config)
    return docker("history", "--no-trunc", image) + config


def _headers(answer: object) -> dict[str, str]:
    return {key.lower(): value for key, value in answer.headers.items()}  # type: ignore[attr-defined]


def _environment() -> dict[str, str]:
    return {**os.environ, "DOCKER_BUILDKIT": "1"}

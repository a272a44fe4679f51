"""A whole agent with the build role, for one test at a time."""

import contextlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from infra.agent.build.handler import BuildHandler
from infra.agent.control import Claim, ControlPlane
from infra.agent.job import Job
from infra.agent.settings import Settings
from infra.agent.slots import Slots
from infra.agent.worker import Worker
from infra.agent.workspace import Workspace
from tests.agent.building.cloning import Cloning
from tests.agent.building.git_servers import HttpServer, Repository
from tests.agent.control_plane import FakeControlPlane

DOCKER = "/usr/bin/docker"


class Agent:
    """Runs builds of local repositories through a real worker and a fake control plane."""

    def __init__(self, plane: FakeControlPlane, folder: Path) -> None:
        self.plane = plane
        self.folder = folder
        self.settings = Settings(
            plane.url,
            plane.token,
            "test",
            ("build",),
            folder / "home",
            allow_private_git=True,
            allow_local_git=True,
            docker=DOCKER,
            min_free_disk_mb=10,
            build_memory_mb=1024,
        )
        self.service = uuid4().hex[:12]
        self.images: list[str] = []
        self.builds = 2
        self._stack = contextlib.ExitStack()
        self._worker: Worker | None = None

    def configure(self, **changes: Any) -> None:
        self.settings = replace(self.settings, **changes)

    def repository(self, files: dict[str, str | bytes], name: str = "app") -> Repository:
        made = Repository(self.folder / "srv", name)
        made.commit(files, "first")
        return made

    def start(
        self, source: Repository | str, secrets: dict[str, Any] | None = None, **spec: Any
    ) -> str:
        """Puts a build job and makes sure somebody does it; the job's id."""
        if self._worker is None:
            self._run()
        url = source if isinstance(source, str) else str(source.bare)
        number = len(self.images) + 1
        image = f"c2d/test-{self.service}:r{number}"
        self.images.append(image)
        given = {"source": {"url": url, "ref": None, "sha": None, **spec.pop("source", {})}, **spec}
        return self.plane.put(
            "build",
            {"deployment_id": str(uuid4()), "service_id": self.service, "image": image, **given},
            secrets=secrets,
        )

    def build(
        self, source: Repository | str, secrets: dict[str, Any] | None = None, **spec: Any
    ) -> dict[str, Any]:
        """Builds; the job's result."""
        return self.plane.result(self.start(source, secrets, **spec), 120)

    def built(
        self, source: Repository | str, secrets: dict[str, Any] | None = None, **spec: Any
    ) -> dict[str, Any]:
        """Builds, which must succeed; the output."""
        job_id = self.start(source, secrets, **spec)
        result = self.plane.result(job_id, 120)
        assert result["outcome"] == "succeeded", (result, self.plane.text(job_id))
        output: dict[str, Any] = result["output"]
        return output

    def failed(self, source: Repository | str, **spec: Any) -> tuple[str, str]:
        """Builds, which must fail; the error's type and reason."""
        result = self.build(source, **spec)
        assert result["outcome"] == "failed", result
        return result["error"]["type"], result["error"]["reason"]

    @property
    def last_log(self) -> str:
        return self.plane.text(self.plane.claimed[-1])

    def _run(self) -> None:
        control = ControlPlane(self.plane.url, self.plane.token)
        self._stack.callback(control.close)
        workspace = self._stack.enter_context(contextlib.closing(Workspace(self.settings.folder)))
        vault = self._stack.enter_context(contextlib.closing(Workspace(self.folder / "vault")))
        handler = BuildHandler(self.settings, workspace, vault)
        slots = Slots(self.folder / "slots", self.builds)
        self._worker = Worker(
            control, {"build": {"build": handler}}, name="test", slots=slots, poll_seconds=0.2
        )
        thread = threading.Thread(target=self._worker.run, args=(1.0,))
        thread.start()
        self._stack.callback(thread.join, 30)
        self._stack.callback(self._worker.abort)

    def close(self) -> None:
        self._stack.close()
        for image in self.images:
            docker("image", "rm", "--force", image, check=False)


@pytest.fixture
def agent(plane: FakeControlPlane, tmp_path: Path) -> Iterator[Agent]:
    made = Agent(plane, tmp_path)
    yield made
    made.close()


def docker(*args: str, check: bool = True) -> str:
    done = subprocess.run([DOCKER, *args], capture_output=True, text=True, timeout=60, check=check)
    return done.stdout.strip()


@pytest.fixture
def cloning(tmp_path: Path) -> Iterator[Cloning]:
    control = ControlPlane("http://127.0.0.1:1", "t")
    yield Cloning(tmp_path, Job(Claim("1", "build", "t", {}), control))
    control.close()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "srv")
    made.commit({"app.py": "print('one')\n", "sub/x": "x"}, "first")
    return made


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Callable[..., HttpServer]]:
    running = []

    def start(**options) -> HttpServer:
        server = HttpServer(tmp_path / "srv", **options)
        context = server.serving()
        running.append(context)
        return context.__enter__()

    yield start
    for context in running:
        context.__exit__(None, None, None)

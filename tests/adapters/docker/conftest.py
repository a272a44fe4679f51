"""Clouds to hold the ports to: the fake, and the engine with everything removed afterwards."""

import io
import random
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID, uuid4

import docker
import pytest

from shared.adapters.agents.cloud import cloud_of
from shared.adapters.docker.compute import DockerCompute
from shared.adapters.docker.engine import DockerConfig, Engine
from shared.adapters.docker.images import DockerImages
from shared.adapters.docker.names import DockerNames
from shared.adapters.docker.networks import DockerNetworks
from shared.adapters.docker.volumes import DockerVolumes
from shared.domain.errors import PlatformError
from shared.ports.compute import (
    Compute,
    Images,
    InstanceKind,
    InstanceSpec,
    InstanceState,
    Networks,
    Volumes,
)
from tests.adapters.agents.serving import Served, fake_cloud
from tests.fakes.compute import FakeCompute

BASE_IMAGE = "debian:bookworm-slim"
PYTHON_IMAGE = "python:3.11-slim-bookworm"
FOREVER = "exec sleep 300"


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for `condition`, and fail when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.02)


def a_spec(**changes: Any) -> InstanceSpec:
    """A small instance on an address of its own."""
    address = f"127.{random.randint(100, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
    values: dict[str, Any] = {
        "instance_id": uuid4(),
        "organization_id": UUID(int=1),
        "project_id": UUID(int=2),
        "service_id": uuid4(),
        "deployment_id": uuid4(),
        "release_number": 1,
        "image": BASE_IMAGE,
        "command": FOREVER,
        "env": {"PORT": "8000"},
        "address": address,
        "host_port": 17080,
        "app_port": 8000,
        "cpus": 0.5,
        "memory_mb": 128,
        "pids": 64,
        "label": "web",
    }
    return InstanceSpec(**(values | changes))


class Cloud(Protocol):
    """What the contract needs: the ports, and ways to make things happen in an instance."""

    @property
    def compute(self) -> Compute: ...
    @property
    def networks(self) -> Networks: ...
    @property
    def volumes(self) -> Volumes: ...
    @property
    def images(self) -> Images: ...

    def fresh_image(self) -> str: ...

    def run_to_exit(self, exit_code: int) -> str:
        """An instance that was started, printed `one`, `two` and `three`, and ended."""
        ...


@dataclass
class FakeCloud:
    compute: FakeCompute = field(default_factory=lambda: FakeCompute(BASE_IMAGE))

    def __post_init__(self) -> None:
        self.networks = self.volumes = self.images = self.compute

    def fresh_image(self) -> str:
        image = f"sha256:{uuid4().hex}"
        self.compute.images[image] = {image}
        return image

    def run_to_exit(self, exit_code: int) -> str:
        made = self.compute.create(a_spec(kind=InstanceKind.ONE_OFF))
        self.compute.start(made)
        for text in ("one", "two", "three"):
            self.compute.write(made, text)
        self.compute.crash(made, exit_code)
        return made


class CloudBehindAnAgent:
    """The fake, which only calls through an agent reach."""

    def __init__(self, served: Served, inner: FakeCloud) -> None:
        ports = cloud_of(served.calls())
        self.compute, self.images = ports.compute, ports.images
        self.networks, self.volumes = ports.networks, ports.volumes
        self.fresh_image, self.run_to_exit = inner.fresh_image, inner.run_to_exit


class DockerCloud:
    def __init__(self, config: DockerConfig) -> None:
        self.engine = Engine(config)
        self.networks = DockerNetworks(self.engine)
        self.names = DockerNames(self.engine, self.networks)
        self.compute = DockerCompute(self.engine, self.networks, self.names)
        self.volumes = DockerVolumes(self.engine)
        self.images = DockerImages(self.engine)
        self._made: list[str] = []

    @property
    def api(self) -> docker.APIClient:
        return self.engine.api

    def fresh_image(self, changes: list[str] | None = None) -> str:
        """An image that no other test has, made without a build."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.addfile(tarfile.TarInfo(uuid4().hex))
        name = f"c2d-test-{uuid4().hex}"
        self.api.import_image_from_data(packed.getvalue(), repository=name, changes=changes)
        image = str(self.api.inspect_image(name)["Id"])  # type: ignore[no-untyped-call]
        self._made.append(name)
        return image

    def run(self, **changes: Any) -> str:
        made = self.compute.create(a_spec(**changes))
        self.compute.start(made)
        return made

    def run_to_exit(self, exit_code: int) -> str:
        # Two streams have no common order but their clocks: the app takes its time.
        command = f"echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three; exit {exit_code}"
        made = self.run(kind=InstanceKind.ONE_OFF, command=command)
        self.until_exited(made)
        return made

    def until_exited(self, provider_id: str) -> None:
        until(lambda: self.compute.status(provider_id).state is InstanceState.EXITED)

    def execute(self, provider_id: str, *argv: str) -> tuple[int, str]:
        """Run something inside, as the app's user; its exit code and what it printed."""
        execution = self.api.exec_create(provider_id, list(argv))
        printed = self.api.exec_start(execution["Id"])
        code = self.api.exec_inspect(execution["Id"])["ExitCode"]
        return int(code), bytes(printed).decode("utf-8", "replace")

    def clean_up(self) -> None:
        wanted: dict[str, Any] = {"label": self.engine.label_filter({})}
        for container in self.api.containers(all=True, filters=wanted):
            self.compute.remove(container["Id"])
        for network in self.api.networks(filters=wanted):
            self.api.remove_network(network["Id"])
        for volume in self.api.volumes(filters=wanted)["Volumes"] or []:
            self.volumes.remove_volume(volume["Name"])
        for name in self._made:
            with suppress(PlatformError):
                self.images.remove_image(name)
        self.engine.close()


@pytest.fixture
def platform_id() -> str:
    return f"test-{uuid4().hex[:12]}"


@pytest.fixture
def engine_cloud(platform_id: str) -> Iterator[DockerCloud]:
    made = DockerCloud(DockerConfig(platform_id, timeout=60))
    try:
        yield made
    finally:
        made.clean_up()


@pytest.fixture
def cloud_behind_an_agent() -> Iterator[CloudBehindAnAgent]:
    inner = FakeCloud()
    with Served().serving(fake_cloud(inner.compute)) as served:
        yield CloudBehindAnAgent(served, inner)


@pytest.fixture(
    params=[
        "fake",
        "agent",
        pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.enable_socket]),
    ]
)
def cloud(request: pytest.FixtureRequest) -> Cloud:
    if request.param == "fake":
        return FakeCloud()
    behind = "cloud_behind_an_agent" if request.param == "agent" else "engine_cloud"
    made: Cloud = request.getfixturevalue(behind)
    return made

"""What users push reaches its own project and the outside, and nothing of this machine.

Every target is first reached from the machine itself, so that a refusal is the rules' doing, and
every probe also asks for something that is open, so that a probe that cannot work fails.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from infra.local import firewall
from shared.adapters.docker.engine import DockerConfig
from shared.ports.compute import InstanceSpec
from tests.adapters.docker import probes
from tests.adapters.docker.conftest import PYTHON_IMAGE, DockerCloud, a_spec, until
from tests.adapters.docker.probes import Target

pytestmark = [pytest.mark.docker, pytest.mark.enable_socket]

PORT = 8000
CLOSED = [
    "the platform API",
    "the platform API on loopback",
    "Postgres",
    "Caddy's admin port",
    "the metadata address",
    "a denied network",
    "another project's container",
    "another project's published port",
    "a container on the default bridge",
    "this machine over IPv6",
]


@dataclass(frozen=True)
class Scene:
    """A machine with everything on it that must stay out of reach, and what may be reached."""

    cloud: DockerCloud
    service: str
    closed: dict[str, list[Target]]
    open_to_all: list[Target]
    sibling: Target

    @property
    def everything(self) -> list[Target]:
        return [*self.open_to_all, *(t for targets in self.closed.values() for t in targets)]


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    if os.geteuid() != 0:
        pytest.skip("packet filter rules are root's; another user is told what is not enforced")
    with ExitStack() as undo:
        cloud = DockerCloud(DockerConfig(f"test-{uuid4().hex[:12]}", timeout=60))
        undo.callback(cloud.clean_up)
        yield _set(cloud, undo)


def _set(cloud: DockerCloud, undo: ExitStack) -> Scene:
    def listening(address: str) -> int:
        return undo.enter_context(probes.listening(address))

    project = uuid4()
    service, _ = _serve(cloud, project, "mine")
    sibling, _ = _serve(cloud, project, "sibling")
    strangers = uuid4()
    foreign, foreign_spec = _serve(cloud, strangers, "foreign")
    cloud.names.publish_name(sibling, project, "sibling")
    cloud.names.publish_name(foreign, strangers, "foreign")
    outside = undo.enter_context(probes.neighbour(f"tc2d{os.getpid() % 100_000}"))
    router, api, database, over_ipv6 = (
        listening(a) for a in ("0.0.0.0", "0.0.0.0", "0.0.0.0", "::")
    )
    machine = probes.own_addresses()
    closed: dict[str, list[Target]] = {
        "the platform API": [(host, api) for host in machine],
        "the platform API on loopback": [("127.0.0.1", listening("127.0.0.1"))],
        "Postgres": [(host, database) for host in machine],
        "Caddy's admin port": [("127.0.0.1", listening("127.0.0.1"))],
        "the metadata address": [(probes.METADATA, outside)],
        "a denied network": [(probes.DENIED_NEIGHBOUR, outside)],
        "another project's container": [(host, PORT) for host in _addresses(cloud, foreign)],
        "another project's published port": [(foreign_spec.address, foreign_spec.host_port)],
        "a container on the default bridge": [(_bystander(cloud), PORT)],
        "this machine over IPv6": [(host, over_ipv6) for host in probes.own_ipv6_addresses()],
    }
    for target in (t for targets in closed.values() for t in targets):
        until(lambda target=target: probes.is_open(*target))  # type: ignore[misc]
    _enforce(router, undo)
    outward = [(probes.NEIGHBOUR, outside), (machine[0], router)]
    return Scene(cloud, service, closed, outward, (_address(cloud, sibling), PORT))


def _serve(cloud: DockerCloud, project: UUID, alias: str) -> tuple[str, InstanceSpec]:
    spec = a_spec(
        project_id=project,
        image=PYTHON_IMAGE,
        command="exec python3 -m http.server $PORT",
        label=alias,
    )
    made = cloud.compute.create(spec)
    cloud.compute.start(made)
    return made, spec


def _bystander(cloud: DockerCloud) -> str:
    """A container where builds run, of another build as it were."""
    made = cloud.api.create_container(
        PYTHON_IMAGE,
        ["python3", "-m", "http.server", str(PORT)],
        labels=cloud.engine.labels({}),
    )
    cloud.api.start(made["Id"])
    return _address(cloud, made["Id"])


def _address(cloud: DockerCloud, provider_id: str) -> str:
    return _addresses(cloud, provider_id)[0]


def _addresses(cloud: DockerCloud, provider_id: str) -> list[str]:
    networks = cloud.api.inspect_container(provider_id)["NetworkSettings"]["Networks"]
    return [str(network["IPAddress"]) for network in networks.values()]


def _enforce(router: int, undo: ExitStack) -> None:
    """The rules of this machine, with the scene's router port open and its network denied."""
    usual = firewall.read_policy()
    undo.enter_context(probes.rules_put_back())
    policy = replace(
        usual,
        public_ports=(*usual.public_ports, router),
        denied=(*usual.denied, ip_network("198.51.100.128/25")),
    )
    report = firewall.ensure(policy)
    assert report == firewall.Report(enforced=True, changed=True)
    assert firewall.inspect(policy) == firewall.Report(enforced=True)


@pytest.fixture(scope="module")
def from_service(scene: Scene) -> dict[Target, str]:
    targets = [*scene.everything, scene.sibling, ("sibling", PORT), ("foreign", PORT)]
    argv = ("python3", "-c", probes.SCRIPT, probes.asked(targets))
    code, printed = scene.cloud.execute(scene.service, *argv)
    assert code == 0, printed
    return probes.answered(printed)


@pytest.fixture(scope="module")
def from_build(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> dict[Target, str]:
    return probes.probe_from_build(tmp_path_factory.mktemp("build"), scene.everything)


def test_a_service_reaches_the_outside_and_the_router(
    scene: Scene, from_service: dict[Target, str]
) -> None:
    assert [from_service[target] for target in scene.open_to_all] == ["open", "open"]


def test_a_service_reaches_its_own_project_and_no_name_of_another(
    scene: Scene, from_service: dict[Target, str]
) -> None:
    assert from_service[scene.sibling] == "open"
    assert from_service["sibling", PORT] == "open"
    assert from_service["foreign", PORT].startswith("gaierror")


@pytest.mark.parametrize("closed", CLOSED)
def test_a_service_does_not_reach(
    closed: str, scene: Scene, from_service: dict[Target, str]
) -> None:
    assert [t for t in scene.closed[closed] if from_service[t] == "open"] == []


def test_a_build_step_reaches_the_outside_and_the_router(
    scene: Scene, from_build: dict[Target, str]
) -> None:
    assert [from_build[target] for target in scene.open_to_all] == ["open", "open"]


@pytest.mark.parametrize("closed", CLOSED)
def test_a_build_step_does_not_reach(
    closed: str, scene: Scene, from_build: dict[Target, str]
) -> None:
    assert [t for t in scene.closed[closed] if from_build[t] == "open"] == []


def test_a_refusal_is_immediate(scene: Scene, from_service: dict[Target, str]) -> None:
    """An SDK that asks the metadata address at start is answered, not left to its timeout."""
    [metadata] = scene.closed["the metadata address"]
    assert from_service[metadata].startswith("ConnectionRefusedError")


@pytest.mark.parametrize("asked", ["--network=host", "--security=insecure"])
def test_a_dockerfile_cannot_ask_for_more(asked: str, tmp_path: Path) -> None:
    done = probes.build(tmp_path, f"FROM {PYTHON_IMAGE}\nRUN {asked} true\n")
    assert done.returncode != 0


@pytest.mark.parametrize("socket", ["/var/run/docker.sock", "/run/docker.sock", "/run/caddy.sock"])
def test_no_socket_of_the_machine_is_in_a_build_step(socket: str, tmp_path: Path) -> None:
    done = probes.build(tmp_path, f"FROM {PYTHON_IMAGE}\nRUN test ! -e {socket} && echo absent\n")
    assert done.returncode == 0, done.stderr


def test_names_of_the_outside_are_resolved(scene: Scene) -> None:
    """The lookup leaves the container: the rules let the machine's name servers through."""
    lookup = "import socket; socket.gethostbyname('name.invalid')"
    code, printed = scene.cloud.execute(scene.service, "python3", "-c", lookup)
    assert code != 0
    assert "Name or service not known" in printed or "No address associated" in printed

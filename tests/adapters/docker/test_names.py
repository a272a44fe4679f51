"""A service's name inside its project leads to the instance that has it, and moves unnoticed."""

import socket
import textwrap
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from shared.domain.errors import NotFound
from shared.ports.compute import InstanceKind, InstanceState, ObjectKind
from tests.adapters.docker.conftest import PYTHON_IMAGE, DockerCloud, a_spec, until
from tests.adapters.docker.probes import is_open

pytestmark = [pytest.mark.docker, pytest.mark.enable_socket]

ECHO = textwrap.dedent(
    """
    exec python3 -c '
    import socketserver
    class Echo(socketserver.StreamRequestHandler):
        def handle(self):
            for line in self.rfile:
                self.wfile.write(line)
    socketserver.ThreadingTCPServer.daemon_threads = True
    socketserver.ThreadingTCPServer(("", 8000), Echo).serve_forever()
    '
    """
)
# One connection, used until it is told to stop and once more after that.
TALK = textwrap.dedent(
    """
    import os, socket, sys
    with socket.create_connection((sys.argv[1], 8000), timeout=15) as talk:
        lines, stop = talk.makefile("rb"), False
        while not stop:
            stop = os.path.exists("/tmp/stop")
            talk.sendall(b"hello\\n")
            assert lines.readline() == b"hello\\n"
            open("/tmp/talking", "w").close()
    """
)


def serve(cloud: DockerCloud, project: UUID) -> str:
    return cloud.run(project_id=project, image=PYTHON_IMAGE, command=ECHO)


def resolved(cloud: DockerCloud, asker: str, name: str) -> set[str]:
    """The addresses that an instance gets for a name, by the engine's DNS."""
    code, printed = cloud.execute(asker, "getent", "ahostsv4", name)
    return {line.split()[0] for line in printed.splitlines()} if code == 0 else set()


def address(cloud: DockerCloud, provider_id: str, project: UUID) -> str:
    networks = cloud.api.inspect_container(provider_id)["NetworkSettings"]["Networks"]
    return str(networks[cloud.networks.names(project)]["IPAddress"])


def test_a_name_leads_only_to_the_instance_that_has_it(engine_cloud: DockerCloud) -> None:
    project = uuid4()
    old, new = (engine_cloud.run(project_id=project) for _ in range(2))
    assert resolved(engine_cloud, new, "web") == set()
    for _ in range(2):
        engine_cloud.names.publish_name(old, project, "web")
        assert resolved(engine_cloud, new, "web") == {address(engine_cloud, old, project)}
    engine_cloud.names.publish_name(new, project, "web")
    for _ in range(2):
        engine_cloud.names.withdraw_name(old, project)
        assert resolved(engine_cloud, old, "web") == {address(engine_cloud, new, project)}
    stranger = engine_cloud.run(project_id=uuid4())
    assert resolved(engine_cloud, stranger, "web") == set()


def test_what_only_starts_or_migrates_finds_its_neighbours(engine_cloud: DockerCloud) -> None:
    """An app that looks for its database at start must find it before it is healthy."""
    project = uuid4()
    database = engine_cloud.run(project_id=project)
    engine_cloud.names.publish_name(database, project, "db")
    command = "getent hosts db && exit 7"
    migration = engine_cloud.run(project_id=project, kind=InstanceKind.ONE_OFF, command=command)
    engine_cloud.until_exited(migration)
    assert engine_cloud.compute.status(migration).exit_code == 7


def test_an_instance_joins_before_it_starts_where_there_is_somebody_to_ask(
    engine_cloud: DockerCloud,
) -> None:
    """The second network makes a start slower: alone in its project it joins a moment later."""
    project, service = uuid4(), uuid4()

    def on_names(provider_id: str) -> bool:
        networks = engine_cloud.api.inspect_container(provider_id)["NetworkSettings"]["Networks"]
        return engine_cloud.networks.names(project) in networks

    old, new = (
        engine_cloud.compute.create(a_spec(project_id=project, service_id=service))
        for _ in range(2)
    )
    assert not on_names(old)
    for _ in range(2):
        engine_cloud.compute.start(new)
        assert on_names(new)
    neighbour = engine_cloud.compute.create(a_spec(project_id=project))
    assert on_names(neighbour)
    assert on_names(engine_cloud.compute.create(a_spec(project_id=project, service_id=service)))


def test_connections_and_the_published_port_outlive_changes_of_names(
    engine_cloud: DockerCloud,
) -> None:
    project = uuid4()
    spec = a_spec(project_id=project, image=PYTHON_IMAGE, command=ECHO)
    web = engine_cloud.compute.create(spec)
    engine_cloud.compute.start(web)
    database = serve(engine_cloud, project)
    client = engine_cloud.run(project_id=project, image=PYTHON_IMAGE)
    engine_cloud.names.publish_name(web, project, "web")
    engine_cloud.names.publish_name(database, project, "db")
    until(lambda: is_open(spec.address, spec.host_port))
    at = address(engine_cloud, web, project)

    def talk(asker: str, name: str) -> tuple[int, str]:
        return engine_cloud.execute(asker, "python3", "-c", TALK, name)

    def talking(asker: str) -> bool:
        return engine_cloud.execute(asker, "rm", "/tmp/talking")[0] == 0

    outside = socket.create_connection((spec.address, spec.host_port), timeout=15)
    with ThreadPoolExecutor(2) as pool, outside, outside.makefile("rb") as lines:
        talks = [pool.submit(talk, client, "web"), pool.submit(talk, web, "db")]
        until(lambda: talking(client) and talking(web))
        for change in range(4):
            if change % 2:
                engine_cloud.names.publish_name(web, project, "web")
            else:
                engine_cloud.names.withdraw_name(web, project)
            outside.sendall(b"hello\n")
            assert lines.readline() == b"hello\n"
            assert is_open(spec.address, spec.host_port)
            assert address(engine_cloud, web, project) == at
        for asker in (client, web):
            assert engine_cloud.execute(asker, "touch", "/tmp/stop")[0] == 0
        assert [done.result(timeout=30) for done in talks] == [(0, ""), (0, "")]


def test_a_name_outlives_a_restart_also_when_somebody_has_its_address(
    engine_cloud: DockerCloud,
) -> None:
    project = uuid4()
    web, other = (engine_cloud.run(project_id=project) for _ in range(2))
    engine_cloud.names.publish_name(web, project, "web")
    before = address(engine_cloud, web, project)
    engine_cloud.compute.stop(web, 1)
    names = engine_cloud.networks.names(project)
    engine_cloud.api.disconnect_container_from_network(other, names)
    engine_cloud.api.connect_container_to_network(other, names, ipv4_address=before)
    engine_cloud.compute.start(web)
    after = address(engine_cloud, web, project)
    assert after != before
    assert resolved(engine_cloud, other, "web") == {after}


def test_a_name_comes_back_with_a_network_that_was_pruned(engine_cloud: DockerCloud) -> None:
    project = uuid4()
    web = engine_cloud.run(project_id=project)
    engine_cloud.names.publish_name(web, project, "web")
    engine_cloud.compute.stop(web, 1)
    engine_cloud.networks.remove_network(project)
    engine_cloud.compute.start(web)
    assert engine_cloud.compute.status(web).state is InstanceState.RUNNING
    assert resolved(engine_cloud, web, "web") == {address(engine_cloud, web, project)}


def test_what_is_gone_has_no_name_to_withdraw_and_takes_none(engine_cloud: DockerCloud) -> None:
    engine_cloud.names.withdraw_name("0" * 64, uuid4())
    with pytest.raises(NotFound):
        engine_cloud.names.publish_name("0" * 64, uuid4(), "web")
    assert engine_cloud.compute.find({}) == []


def test_the_network_of_names_is_the_projects_and_goes_with_it(engine_cloud: DockerCloud) -> None:
    project = uuid4()
    made = engine_cloud.run(project_id=project)
    found = engine_cloud.compute.find({"project": str(project)})
    networks = [o for o in found if o.kind is ObjectKind.NETWORK]
    assert len(networks) == 2
    for network in networks:
        options = engine_cloud.api.inspect_network(network.provider_id)["Options"]
        bridge = options["com.docker.network.bridge.name"]
        assert bridge.startswith("c2d")
        assert len(bridge) <= 15
    engine_cloud.compute.remove(made)
    engine_cloud.networks.remove_network(project)
    assert engine_cloud.compute.find({}) == []

"""Real containers that fail in each way an app can: what is seen of them, and what is said."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import docker
import pytest
from docker.models.containers import Container

from infra.agent.edge.container import DockerContainers
from infra.agent.edge.jobs import EdgeJobs
from infra.agent.edge.public import PublicRoute
from infra.agent.edge.routing_table import RoutingTable
from infra.agent.edge.state import RunState
from shared.domain.errors import Cancelled, HealthCheckFailed, PreDeployFailed
from tests.agent.edge.conftest import HOST, until
from tests.agent.edge.fakes import FakeJob, no_calls

pytestmark = [pytest.mark.docker, pytest.mark.timeout(180)]

IMAGE = "python:3.11-slim-bookworm"
APP_PORT = 8000
CANARY = "canary-4f1d9-value"
SERVER = """
import http.server, sys
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response({status}); self.send_header("Content-Length", "0"); self.end_headers()
http.server.HTTPServer(("{address}", {port}), App).serve_forever()
"""
IDLE = "import time; time.sleep(600)"
Run = Callable[..., tuple[Container, str]]


def server(address: str = "0.0.0.0", port: int = APP_PORT, status: int = 200) -> str:
    return SERVER.format(address=address, port=port, status=status)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    made = docker.from_env(timeout=30)
    yield made
    made.close()


@pytest.fixture
def run(client: docker.DockerClient) -> Iterator[Run]:
    """Starts a container that runs Python code, its app port published on a loopback address."""
    started: list[Container] = []

    def start(code: str, **options: Any) -> tuple[Container, str]:
        address = f"127.65.4.{len(started) + 1}"
        options.setdefault("ports", {f"{APP_PORT}/tcp": (address, None)})
        container = client.containers.run(
            IMAGE, ["python3", "-u", "-c", code], detach=True, init=True, **options
        )
        started.append(container)
        container.reload()
        bound = container.ports.get(f"{APP_PORT}/tcp") or [{"HostPort": "1"}]
        return container, f"{address}:{bound[0]['HostPort']}"

    yield start
    for container in started:
        container.remove(force=True)


@pytest.fixture
def edge(client: docker.DockerClient, tmp_path: Path) -> EdgeJobs:
    table = RoutingTable(tmp_path / "routes")
    return EdgeJobs(table, PublicRoute(1, "s"), DockerContainers(client), no_calls())


def gate(edge: EdgeJobs, container: Container, target: str, **changes: Any) -> dict[str, Any]:
    spec = {
        "container_id": container.id,
        "target": target,
        "host": HOST,
        "path": None,
        "port": APP_PORT,
        "timeout_seconds": 4,
        "memory_mb": 64,
    }
    return edge.health_gate({**spec, **changes}, FakeJob())


def why(edge: EdgeJobs, container: Container, target: str, **changes: Any) -> str:
    with pytest.raises(HealthCheckFailed) as raised:
        gate(edge, container, target, **changes)
    return raised.value.reason


def test_a_good_app_passes(edge: EdgeJobs, run: Run) -> None:
    container, target = run(server())
    assert gate(edge, container, target, timeout_seconds=30)["status_code"] == 200


def test_a_crashed_app_is_named_with_its_exit_code_and_its_secrets_stay_hidden(
    edge: EdgeJobs, run: Run
) -> None:
    code = "import os; print('connecting with', os.environ['DB']); raise SystemExit(3)"
    container, target = run(code, environment={"DB": CANARY, "PORT": str(APP_PORT)})
    began = time.monotonic()
    said = why(edge, container, target, timeout_seconds=60)
    assert time.monotonic() - began < 20
    assert "exited with code 3" in said
    assert "connecting with ***" in said
    assert CANARY not in said


def test_an_app_over_its_memory_is_told_its_limit(edge: EdgeJobs, run: Run) -> None:
    hog = "x = bytearray(300 * 1024 * 1024)\nfor i in range(0, len(x), 4096): x[i] = 1"
    container, target = run(hog, mem_limit="64m", memswap_limit="64m")
    said = why(edge, container, target, timeout_seconds=60)
    assert "killed for using more than its limit of 64 MB" in said


def test_an_app_on_another_port_is_told_both(edge: EdgeJobs, run: Run) -> None:
    container, target = run(server(port=3000))
    said = why(edge, container, target)
    assert "Your app listens on 3000, the service expects 8000" in said


def test_an_app_on_loopback_is_told_to_listen_to_all(edge: EdgeJobs, run: Run) -> None:
    container, target = run(server(address="127.0.0.1"))
    said = why(edge, container, target)
    assert "127.0.0.1:8000 only" in said
    assert "0.0.0.0" in said


def test_an_app_that_listens_on_nothing_is_told_so_also_beside_dockers_name_server(
    edge: EdgeJobs, run: Run, client: docker.DockerClient
) -> None:
    network = client.networks.create("c2d-edge-test")
    try:
        container, target = run("print('idle'); " + IDLE, network=network.name)
        said = why(edge, container, target)
        assert "listens on no port" in said
        assert "Its last lines: idle" in said
    finally:
        network.reload()
        for left in network.containers:
            network.disconnect(left, force=True)
        network.remove()


def test_an_app_that_answers_errors_is_told_which(edge: EdgeJobs, run: Run) -> None:
    container, target = run(server(status=500))
    assert "GET / answered 500" in why(edge, container, target)


def test_the_sockets_are_seen_through_the_engine_where_proc_cannot_be_read(
    client: docker.DockerClient, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    container, target = run(server(port=3000))
    look = DockerContainers(client).look
    until(
        lambda: {listener.port for listener in look(container.id or "").listening or ()} == {3000}
    )
    seen = look(container.id or "")
    monkeypatch.setattr("infra.agent.edge.container._tables_of", lambda *_: None)
    through_engine = look(container.id or "")
    assert through_engine.listening == seen.listening
    assert (seen.state, seen.port) == (RunState.RUNNING, APP_PORT)
    assert target.startswith("127.65.4.")


def test_a_container_that_is_gone_is_missing(client: docker.DockerClient) -> None:
    assert DockerContainers(client).look("0" * 64).state is RunState.MISSING


def test_an_engine_that_is_down_is_unknown_and_does_not_keep_the_agent_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    down = DockerContainers()
    assert down.look("c").state is RunState.UNKNOWN
    monkeypatch.delenv("DOCKER_HOST")
    assert down.look("0" * 64).state is RunState.MISSING
    down._client.close()


def test_a_secret_names_label_narrows_what_is_masked(edge: EdgeJobs, run: Run) -> None:
    container, target = run(
        "import os; print(os.environ['PLAIN'], os.environ['DB']); raise SystemExit(1)",
        environment={"DB": CANARY, "PLAIN": "visible-value"},
        labels={"c2d.secret-names": "DB"},
    )
    said = why(edge, container, target, timeout_seconds=60)
    assert "visible-value ***" in said


def pre_deploy(edge: EdgeJobs, container: Container, job: FakeJob, seconds: float = 30) -> Any:
    return edge.pre_deploy({"container_id": container.id, "timeout_seconds": seconds}, job)


def test_a_pre_deploy_command_streams_and_may_be_waited_for_twice(edge: EdgeJobs, run: Run) -> None:
    code = "import sys; print('migrating'); print('careful', file=sys.stderr)"
    container, _ = run(code)
    for _repeat in range(2):
        job = FakeJob()
        assert pre_deploy(edge, container, job) == {"exit_code": 0}
        assert sorted(job.lines) == [("stderr", "careful"), ("stdout", "migrating")]


def test_a_failed_pre_deploy_command_is_named_with_code_and_last_lines(
    edge: EdgeJobs, run: Run
) -> None:
    code = "import os; print('no such table', os.environ['DB']); raise SystemExit(4)"
    container, _ = run(code, environment={"DB": CANARY})
    job = FakeJob()
    with pytest.raises(PreDeployFailed, match=r"code 4.*no such table \*\*\*"):
        pre_deploy(edge, container, job)
    assert CANARY not in str(job.lines)


@pytest.mark.parametrize(("seconds", "cancel"), [(0.5, False), (60, True)])
def test_a_pre_deploy_command_that_is_late_or_cancelled_is_killed(
    edge: EdgeJobs, run: Run, seconds: float, cancel: bool
) -> None:
    container, _ = run(IDLE)
    job = FakeJob()
    if cancel:
        threading.Timer(0.5, job.stop).start()
    began = time.monotonic()
    with pytest.raises(Cancelled if cancel else PreDeployFailed):
        pre_deploy(edge, container, job, seconds)
    assert time.monotonic() - began < 20
    container.reload()
    assert container.status == "exited"


def test_a_container_that_is_gone_fails_the_pre_deploy_step(edge: EdgeJobs) -> None:
    with pytest.raises(PreDeployFailed, match="gone"):
        edge.pre_deploy({"container_id": "0" * 64, "timeout_seconds": 5}, FakeJob())


def test_deaths_are_heard_as_they_happen_until_told_to_stop(
    client: docker.DockerClient, run: Run
) -> None:
    stop, connected, heard = threading.Event(), threading.Event(), deque[str]()

    def listen() -> None:
        heard.extend(DockerContainers(client).deaths(stop, connected.set))

    thread = threading.Thread(target=listen)
    thread.start()
    assert connected.wait(10)
    container, _ = run("raise SystemExit(1)")
    until(lambda: container.id in heard)
    stop.set()
    thread.join(timeout=15)
    assert not thread.is_alive()


def test_a_watched_container_that_is_killed_is_told_within_a_second_or_two(
    edge: EdgeJobs, run: Run
) -> None:
    container, target = run(server())
    job = FakeJob()

    def standing() -> None:
        with pytest.raises(Cancelled):
            edge.watch({}, cast(Any, job))

    thread = threading.Thread(target=standing)
    thread.start()
    watched = {"instance_id": "i1", "target": target, "host": HOST, "container_id": container.id}
    job.heartbeat_answer = {"watch": [watched]}
    until(lambda: [o["state"] for o in job.observations] == ["healthy"], seconds=20)
    container.kill()
    killed = time.monotonic()
    until(lambda: len(job.observations) > 1, seconds=10)
    assert time.monotonic() - killed < 5
    assert job.observations[-1]["state"] == "exited"
    assert job.observations[-1]["exit_code"] == 137
    job.stop()
    thread.join(timeout=15)
    assert not thread.is_alive()

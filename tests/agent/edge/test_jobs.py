"""The handlers: what they answer, that they may run twice, and that they stop."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from infra.agent.edge.container import DockerContainers
from infra.agent.edge.jobs import EdgeJobs
from infra.agent.edge.public import PublicRoute
from infra.agent.edge.routing_table import RoutingTable
from infra.agent.edge.sockets import Listener
from shared.domain.errors import Cancelled, HealthCheckFailed, RouteFailed, StaleGeneration
from tests.agent.edge.conftest import HOST, Router, RunningApp, free_port, until
from tests.agent.edge.fakes import FakeContainers, FakeJob, no_calls

Start = Callable[..., RunningApp]
DEAD = "127.65.5.1:9"


def edge(table: RoutingTable, port: int = 1, secret: str = "s") -> tuple[EdgeJobs, FakeContainers]:
    containers = FakeContainers()
    route = PublicRoute(port, secret)
    jobs = EdgeJobs(table, route, cast(DockerContainers, containers), no_calls())
    return jobs, containers


@pytest.fixture
def table(tmp_path: Path) -> RoutingTable:
    return RoutingTable(tmp_path / "routes")


@pytest.fixture
def routed(router: Router) -> EdgeJobs:
    return edge(router.table, router.port, router.layout.secret())[0]


def test_there_is_a_handler_for_every_kind_of_the_edge() -> None:
    from shared.domain.jobs import ROLE

    jobs = EdgeJobs.__new__(EdgeJobs)
    assert set(jobs.handlers()) == {str(kind) for kind, role in ROLE.items() if role == "edge"}


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("health_gate", {"container_id": "c", "target": DEAD, "host": HOST, "port": 1,
                         "timeout_seconds": 9}),
        ("switch_route", {"hosts": [HOST], "target": DEAD, "generation": 2}),
        ("verify_public", {"host": HOST, "target": DEAD, "generation": 2, "timeout_seconds": 9}),
        ("drain", {"targets": [{"target": DEAD, "deadline_seconds": 9}]}),
        ("remove_route", {"hosts": [HOST]}),
        ("pre_deploy", {"container_id": "c", "timeout_seconds": 9}),
        ("watch", {}),
    ],
)  # fmt: skip
def test_a_job_cancelled_before_it_begins_changes_nothing(
    table: RoutingTable, kind: str, spec: dict[str, Any]
) -> None:
    table.point(HOST, "127.65.5.2:9", 1)
    job = FakeJob()
    job.stop()
    with pytest.raises(Cancelled):
        edge(table)[0].handlers()[kind](spec, job)
    assert table.hosts() == {HOST: "127.65.5.2:9"}


def test_the_gate_answers_its_time_and_the_status(table: RoutingTable, start_app: Start) -> None:
    jobs, containers = edge(table)
    containers.runs("c1")
    spec = {
        "instance_id": "i1",
        "container_id": "c1",
        "target": start_app("v1").target,
        "host": HOST,
        "path": None,
        "port": 8000,
        "timeout_seconds": 10,
        "memory_mb": 512,
    }
    output = jobs.health_gate(spec, FakeJob())
    assert output["status_code"] == 200
    assert 0 <= output["healthy_after_ms"] < 10_000


def test_the_gate_says_which_port_the_app_listens_on(table: RoutingTable) -> None:
    jobs, containers = edge(table)
    containers.runs("c1", Listener("0.0.0.0", 3000))
    spec = {
        "container_id": "c1",
        "target": f"127.65.5.3:{free_port()}",
        "host": HOST,
        "port": 8000,
        "timeout_seconds": 0.3,
    }
    with pytest.raises(HealthCheckFailed, match="listens on 3000, the service expects 8000"):
        jobs.health_gate(spec, FakeJob())


def test_a_switch_run_twice_answers_the_same_previous_targets(table: RoutingTable) -> None:
    table.point(HOST, "127.65.5.2:9", 1)
    jobs, _ = edge(table)
    spec = {"hosts": [HOST, "www.example.com"], "target": DEAD, "generation": 2}
    first = jobs.switch_route(spec, FakeJob())
    assert first == {"previous": {HOST: "127.65.5.2:9", "www.example.com": None}}
    assert jobs.switch_route(spec, FakeJob()) == first


def test_a_removal_older_than_the_route_is_refused(table: RoutingTable) -> None:
    table.point(HOST, DEAD, 5)
    jobs, _ = edge(table)
    with pytest.raises(StaleGeneration):
        jobs.remove_route({"hosts": [HOST], "generation": 4}, FakeJob())
    assert table.target(HOST) == DEAD
    for _repeat in range(2):
        assert jobs.remove_route({"hosts": [HOST], "generation": 6}, FakeJob()) == {}
    assert table.hosts() == {}


def verify(jobs: EdgeJobs, target: str, **changes: Any) -> dict[str, Any]:
    spec = {"host": HOST, "path": "/", "target": target, "previous": None, "generation": 2}
    return jobs.verify_public({**spec, "timeout_seconds": 1.0, **changes}, FakeJob())


def test_a_public_answer_of_the_new_version_is_proven(
    routed: EdgeJobs, router: Router, start_app: Start
) -> None:
    app = start_app("v1")
    router.table.point(HOST, app.target, 2)
    assert verify(routed, app.target) == {"status_code": 200}
    assert verify(routed, app.target, path="/status/404") == {"status_code": 404}


def test_the_routers_own_error_page_is_no_proof_and_the_route_goes_back(
    routed: EdgeJobs, router: Router, start_app: Start
) -> None:
    old, dead = start_app("v1"), f"127.65.5.4:{free_port()}"
    router.table.point(HOST, old.target, 1)
    router.table.point(HOST, dead, 2)
    with pytest.raises(RouteFailed, match="502 by the router itself"):
        verify(routed, dead, previous=old.target, timeout_seconds=3.0)
    assert router.table.target(HOST) == old.target


def test_a_first_version_that_is_not_reached_leaves_no_route(
    routed: EdgeJobs, router: Router
) -> None:
    dead = f"127.65.5.4:{free_port()}"
    router.table.point(HOST, dead, 2)
    with pytest.raises(RouteFailed):
        verify(routed, dead, timeout_seconds=3.0)
    assert router.table.hosts() == {}


def test_an_error_of_the_new_version_is_no_proof_either(
    routed: EdgeJobs, router: Router, start_app: Start
) -> None:
    old, new = start_app("v1"), start_app("v2")
    router.table.point(HOST, old.target, 1)
    router.table.point(HOST, new.target, 2)
    with pytest.raises(RouteFailed, match="answered 503"):
        verify(routed, new.target, path="/status/503", previous=old.target)
    assert router.table.target(HOST) == old.target


def test_an_answer_of_another_target_is_refused_and_a_newer_route_is_left_alone(
    routed: EdgeJobs, router: Router, start_app: Start
) -> None:
    newer = start_app("v3")
    router.table.point(HOST, newer.target, 3)
    with pytest.raises(RouteFailed, match=f"still answered by {newer.target}"):
        verify(routed, "127.65.5.9:1", previous="127.65.5.8:1")
    assert router.table.target(HOST) == newer.target


def test_a_router_that_is_down_is_named(table: RoutingTable) -> None:
    table.point(HOST, DEAD, 2)
    port = free_port()
    with pytest.raises(RouteFailed, match=f"does not listen on port {port}"):
        verify(edge(table, port)[0], DEAD, timeout_seconds=0.3)


def test_a_drain_answers_what_it_had_to_cut(table: RoutingTable, start_app: Start) -> None:
    import socket

    app, quiet = start_app("v1"), start_app("v1")
    host, _, port = app.target.partition(":")
    job = FakeJob()
    with socket.create_connection((host, int(port))):
        spec = {
            "targets": [
                {"target": app.target, "deadline_seconds": 0.5},
                {"target": quiet.target, "deadline_seconds": 20},
            ]
        }
        output = edge(table)[0].drain(spec, job)
    assert output == {
        "drained": [quiet.target],
        "cut": [{"target": app.target, "connections": 1}],
    }
    assert any("1 connections to" in text for _, text in job.lines)


@pytest.fixture
def standing(table: RoutingTable) -> Iterator[tuple[EdgeJobs, FakeContainers, FakeJob]]:
    jobs, containers = edge(table)
    job = FakeJob()
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            jobs.watch({}, job)
            ended.append(None)
        except Cancelled as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    yield jobs, containers, job
    job.stop()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert ended


def test_the_standing_watch_follows_the_list_in_the_heartbeats_answers(
    standing: tuple[EdgeJobs, FakeContainers, FakeJob], start_app: Start
) -> None:
    _, containers, job = standing
    app = start_app("v1")
    containers.runs("c1")
    watched = {
        "instance_id": "i1",
        "target": app.target,
        "host": HOST,
        "path": None,
        "container_id": "c1",
    }
    job.heartbeat_answer = {"cancel": False, "watch": [watched]}
    until(lambda: job.observations)
    assert (job.observations[0]["instance_id"], job.observations[0]["state"]) == ("i1", "healthy")
    app.process.kill()
    containers.dies("c1", 137, oom=True)
    until(lambda: len(job.observations) == 2)
    assert job.observations[1]["state"] == "exited"
    assert job.observations[1]["oom"] is True


def test_closing_the_edge_ends_the_standing_watch_without_a_cancel(table: RoutingTable) -> None:
    jobs, _ = edge(table)
    output: list[dict[str, Any]] = []
    thread = threading.Thread(target=lambda: output.append(jobs.watch({}, FakeJob())))
    thread.start()
    jobs.close()
    thread.join(timeout=10)
    assert output == [{}]

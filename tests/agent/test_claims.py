"""How an agent asks for work: paced where no claim can wait, and not at all once told to stop."""

import itertools
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.agent.activity import Activity
from tests.agent.control_plane import FakeControlPlane

pytestmark = pytest.mark.enable_socket
ROOT = Path(__file__).parents[2]


def at_once(spec: Any, job: Any) -> dict[str, Any]:
    return {}


def test_where_no_claim_can_wait_one_claim_asks_for_all_roles_as_often_as_told(plane, working):
    plane.polled = lambda idle: 0.3
    with working({"build": {"build": at_once}, "edge": {"gate": at_once}}):
        plane.wait_for(lambda: len(plane.claims) >= 4)
    times = [at for at, _ in plane.claims]
    assert all(given["roles"] == ["build", "edge"] for _, given in plane.claims)
    pauses = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert min(pauses) >= 0.29, pauses


def test_after_a_job_it_asks_again_at_once(plane, working):
    plane.polled = lambda idle: 60.0
    jobs = [plane.put("build", {}) for _ in range(3)]
    with working({"build": {"build": at_once}, "edge": {"gate": at_once}}, builds=3):
        for job_id in jobs:
            plane.result(job_id, 10)


def test_while_all_builds_are_taken_it_asks_for_the_edge_only(plane, working):
    plane.polled = lambda idle: 0.05
    building, go = threading.Event(), threading.Event()

    def build(spec: Any, job: Any) -> dict[str, Any]:
        building.set()
        go.wait(20)
        return {}

    first = plane.put("build", {})
    with working({"build": {"build": build}, "edge": {"gate": at_once}}, builds=1):
        assert building.wait(10)
        second, gate = plane.put("build", {}), plane.put("gate", {}, role="edge")
        plane.result(gate, 10)
        assert second not in plane.claimed
        assert plane.claims[-1][1]["roles"] == ["edge"]
        go.set()
        plane.result(second, 10)
        assert first in plane.results


def test_it_says_how_long_ago_a_job_began_or_ended():
    at = [100.0]
    activity = Activity(lambda: at[0])
    with activity.job("watch"):
        at[0] += 61
        assert activity.idle_seconds() == 61
        assert activity.pace("watch", 10.0) == 10.0
        with activity.job("build"):
            assert activity.idle_seconds() == 0
            assert activity.pace("watch", 10.0) == 2.0
            assert activity.pace("build", 3.0) == 3.0
            at[0] += 600
            assert activity.idle_seconds() == 600, "a long build is no reason to ask often"
        assert activity.idle_seconds() == 0
        at[0] += 5
        assert activity.pace("watch", 10.0) == 2.0


def test_something_to_tell_does_not_wait_for_the_next_heartbeat(plane, working):
    def watch(spec: Any, job: Any) -> dict[str, Any]:
        job.observe(state="exited")
        job.wait(30)
        job.check()
        return {}

    job_id = plane.put("build", {}, heartbeat=25)
    with working({"build": {"build": watch}}):
        began = time.monotonic()
        plane.wait_for(lambda: plane.observations.get(job_id))
        assert time.monotonic() - began < 5


def test_a_job_that_arrives_while_the_agent_stops_is_given_back(plane, working):
    done: list[str] = []
    with working({"build": {"build": lambda spec, job: done.append(job.id) or {}}}) as worker:
        plane.wait_for(lambda: plane.claims)
        plane.before_answer = worker.stop
        job_id = plane.put("build", {})
        plane.wait_for(lambda: plane.given_back)
    assert plane.given_back == [job_id]
    assert done == []
    assert plane.heartbeats == {}, "it has not begun"


@contextmanager
def an_agent(plane: FakeControlPlane, home: Path, **extra: str) -> Iterator[Any]:
    """The agent's own process, with a handler that builds nothing until its spec says so."""
    script = (
        "import sys, time, infra.agent.roles as roles\n"
        "def build(spec, job):\n"
        "    job.log('begun')\n"
        "    while not job.wait(0.05):\n"
        "        if __import__('os').path.exists(spec['until']): return {'finished': True}\n"
        "    job.check()\n"
        "roles.BuildHandler = lambda *given: build\n"
        "from infra.agent.__main__ import main\n"
        "sys.exit(main([]))\n"
    )
    env = {
        "PATH": "/usr/bin:/bin",
        "C2D_AGENT_URL": plane.url,
        "C2D_AGENT_TOKEN": plane.token,
        "C2D_AGENT_ROLES": "build",
        "C2D_AGENT_NAME": "t",
        "C2D_HOME": str(home),
        **extra,
    }
    agent = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    )
    try:
        yield agent
    finally:
        agent.kill()
        agent.communicate(timeout=20)


def test_sigterm_lets_the_build_finish_and_claims_nothing_more(plane, tmp_path):
    until = tmp_path / "finish"
    first = plane.put("build", {"until": str(until)})
    with an_agent(plane, tmp_path) as agent:
        plane.wait_for(lambda: plane.log(first))
        agent.send_signal(signal.SIGTERM)
        second = plane.put("build", {"until": str(until)})
        settled = len(plane.heartbeats.get(first, []))
        plane.wait_for(lambda: len(plane.heartbeats.get(first, [])) > settled + 3)
        assert agent.poll() is None, "it waits for its build"
        asked = len(plane.claims)
        until.touch()
        assert plane.result(first)["output"] == {"finished": True}
        assert agent.wait(20) == 0
    assert len(plane.claims) == asked
    assert second not in plane.results
    assert second not in plane.claimed or second in plane.given_back


def test_what_does_not_finish_in_time_is_reported_as_lost_with_a_reason(plane, tmp_path):
    job_id = plane.put("build", {"until": "/nowhere"})
    with an_agent(plane, tmp_path, C2D_AGENT_DRAIN_SECONDS="0.3") as agent:
        plane.wait_for(lambda: plane.log(job_id))
        agent.send_signal(signal.SIGTERM)
        error = plane.result(job_id)["error"]
        assert error["type"] == "AgentLost"
        assert "stopped while this ran" in error["reason"]
        assert agent.wait(20) == 0

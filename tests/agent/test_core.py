"""The agent's core against a control plane that has bad luck."""

import threading
import time
from contextlib import closing
from typing import Any

import pytest

from infra.agent.control import ControlPlane, Refused
from infra.agent.process import Program, run
from infra.agent.worker import Handler
from shared.domain.errors import BuildFailed, Cancelled


def _only(handler: Any, role: str = "build", kind: str = "build") -> dict[str, dict[str, Handler]]:
    return {role: {kind: handler}}


def test_a_job_is_claimed_and_its_result_reported(plane, working):
    job_id = plane.put("build", {"n": 20})
    with working(_only(lambda spec, job: {"n": spec["n"] + 1})):
        assert plane.result(job_id) == {"outcome": "succeeded", "output": {"n": 21}, "error": None}


def test_a_failure_carries_its_class_name_and_reason(plane, working):
    def fail(spec, job):
        raise BuildFailed("No module named flask; add it to requirements.txt.")

    job_id = plane.put("build", {})
    with working(_only(fail)):
        assert plane.result(job_id)["outcome"] == "failed"
    assert plane.results[job_id]["error"] == {
        "type": "BuildFailed",
        "reason": "No module named flask; add it to requirements.txt.",
    }


def test_an_unexpected_error_ends_the_job_and_not_the_agent(plane, working, capsys):
    def stumble(spec, job):
        return {"x": spec["missing"]}

    first, second = plane.put("build", {}), plane.put("build", {"missing": 1})
    with working(_only(stumble)):
        assert "KeyError" in plane.result(first)["error"]["reason"]
        assert plane.result(second)["outcome"] == "succeeded"


def test_an_unknown_kind_is_a_failure_that_names_it(plane, working):
    job_id = plane.put("paint", {})
    with working(_only(lambda spec, job: {})):
        assert "'paint'" in plane.result(job_id)["error"]["reason"]


def test_a_result_that_is_refused_ends_the_job_as_failed(plane, working):
    job_id = plane.put("build", {})
    plane.refuse_outputs.add(job_id)
    with working(_only(lambda spec, job: {"odd": True})):
        assert "did not take" in plane.result(job_id)["error"]["reason"]


def test_the_heart_beats_while_the_job_is_busy(plane, working):
    def busy(spec, job):
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            sum(range(1000))
        return {}

    job_id = plane.put("build", {}, heartbeat=0.1)
    with working(_only(busy)):
        plane.result(job_id)
    assert len(plane.heartbeats[job_id]) >= 5


def test_observations_arrive_once_with_a_heartbeat(plane, working):
    def watch(spec, job):
        job.observe(healthy=True)
        job.observe(healthy=False)
        assert not job.wait(0.7)
        return {}

    job_id = plane.put("build", {}, heartbeat=0.1)
    with working(_only(watch)):
        plane.result(job_id)
    assert plane.observations[job_id] == [{"healthy": True}, {"healthy": False}]


def test_cancel_kills_the_program_and_is_reported(plane, working):
    codes: list[BaseException] = []

    def build(spec, job):
        program = Program(["sleep", "60"], env={"PATH": "/usr/bin:/bin"}, deadline=1e12)
        try:
            run(program, job, stdout=bytes, stderr=bytes)
        except Cancelled as error:
            codes.append(error)
            raise
        return {}

    job_id = plane.put("build", {}, heartbeat=0.1)
    with working(_only(build)):
        plane.wait_for(lambda: plane.heartbeats.get(job_id))
        plane.cancel.add(job_id)
        started = time.monotonic()
        assert plane.result(job_id)["outcome"] == "cancelled"
        assert time.monotonic() - started < 3
    assert len(codes) == 1


def test_a_job_that_is_gone_is_dropped_without_a_result(plane, working):
    ended = threading.Event()

    def build(spec, job):
        try:
            assert job.wait(20)
            job.check()
        finally:
            ended.set()
        return {}

    job_id = plane.put("build", {}, heartbeat=0.1)
    with working(_only(build)):
        plane.wait_for(lambda: plane.heartbeats.get(job_id))
        plane.gone.add(job_id)
        assert ended.wait(5)
        other = plane.put("build", {}, heartbeat=0.1)
        plane.wait_for(lambda: plane.heartbeats.get(other))
    assert job_id not in plane.results


def test_losing_the_control_plane_changes_nothing(plane, working):
    away = threading.Event()

    def build(spec, job):
        job.log("before")
        assert away.wait(10)
        job.log("while it is away")
        return {"done": True}

    job_id = plane.put("build", {}, heartbeat=0.1)
    with working(_only(build)):
        plane.wait_for(lambda: plane.log(job_id))
        plane.down = True
        away.set()
        beats = len(plane.heartbeats.get(job_id, []))
        threading.Event().wait(2.0)  # the outage itself, not a wait for something
        plane.down = False
        assert plane.result(job_id)["output"] == {"done": True}
        assert plane.log(job_id) == ["before", "while it is away"]
        assert len(plane.heartbeats.get(job_id, [])) >= beats


class _Gauge:
    """Counts how many handlers run at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()
        self.go = threading.Event()

    def __call__(self, spec, job):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        job.wait(spec.get("seconds", 0.05))
        with self.lock:
            self.now -= 1
        return {}


def test_never_more_builds_than_slots_also_with_two_agents(plane, working):
    gauge = _Gauge()
    jobs = [plane.put("build", {}) for _ in range(20)]
    with working(_only(gauge)), working(_only(gauge)):
        for job_id in jobs:
            plane.result(job_id)
    assert gauge.most == 2


def test_builds_do_not_hold_up_the_edge(plane, working):
    gauge = _Gauge()
    builds = [plane.put("build", {"seconds": 30}) for _ in range(3)]
    with working({"build": {"build": gauge}, "edge": {"probe": lambda spec, job: {}}}):
        plane.wait_for(lambda: len(plane.claimed) == 2)
        edge = [plane.put("probe", {}, role="edge") for _ in range(5)]
        for job_id in edge:
            plane.result(job_id, 5)
        assert not plane.results.get(builds[0])


def test_edge_jobs_run_beside_each_other(plane, working):
    met = threading.Barrier(8, timeout=10)

    def gate(spec, job):
        met.wait()
        return {}

    jobs = [plane.put("gate", {}, role="edge") for _ in range(8)]
    with working(_only(gate, "edge", "gate")):
        assert all(plane.result(job_id)["outcome"] == "succeeded" for job_id in jobs)


def test_stopping_lets_the_running_job_finish_and_claims_no_more(plane, working):
    running, go = threading.Event(), threading.Event()

    def build(spec, job):
        running.set()
        go.wait(10)
        return {"finished": True}

    first = plane.put("build", {})
    with working(_only(build), builds=1) as worker:
        assert running.wait(5)
        worker.stop()
        second = plane.put("build", {})
        go.set()
        assert plane.result(first)["output"] == {"finished": True}
    assert second not in plane.results
    assert second not in plane.claimed or second in plane.given_back


def test_aborting_reports_that_the_agent_was_stopped(plane, working):
    job_id = plane.put("build", {})

    def build(spec, job):
        job.wait(30)
        job.check()
        return {}

    with working(_only(build)) as worker:
        plane.wait_for(lambda: plane.claimed)
        plane.wait_for(lambda: plane.heartbeats.get(job_id))
        worker.abort()
        assert plane.result(job_id)["error"]["type"] == "AgentLost"


def test_a_wrong_registration_token_is_refused(plane):
    job_id = plane.put("build", {})
    control = ControlPlane(plane.url, "c2da_other")
    with closing(control), pytest.raises(Refused, match="401"):
        control.claim("test", ["build"], 0)
    assert job_id not in plane.claimed

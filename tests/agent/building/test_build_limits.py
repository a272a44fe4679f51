"""Builds are held to their limits and end when they are told to."""

import signal
from pathlib import Path

import pytest

from infra.agent.workspace import Workspace
from tests.agent.building.conftest import Agent, docker
from tests.agent.building.processes import (
    PYTHON,
    agent_process,
    gone_within,
    processes,
    unique,
)
from tests.agent.control_plane import FakeControlPlane

pytestmark = pytest.mark.docker


def test_a_step_over_its_memory_is_killed_and_named(agent: Agent):
    eat = f'{PYTHON}RUN python3 -c "x = bytearray(600 << 20) # {unique()}"\n'
    kind, reason = agent.failed(agent.repository({"Dockerfile": eat}), limits={"memory_mb": 300})
    assert kind == "BuildOutOfMemory"
    assert "limit of 300 MiB" in reason


def test_a_step_that_uses_less_than_its_memory_passes(agent: Agent):
    eat = f'{PYTHON}RUN python3 -c "x = bytearray(200 << 20) # {unique()}"\n'
    agent.built(agent.repository({"Dockerfile": eat}), limits={"memory_mb": 300})


def test_a_step_gets_no_more_cpu_than_its_share(agent: Agent):
    burn = (
        "import time; start = time.monotonic(); "
        "[None for _ in iter(lambda: time.monotonic() - start < 2, False)]; "
        "print('share', time.process_time() / 2)"
    )
    repository = agent.repository({"Dockerfile": f'{PYTHON}RUN python3 -c "{burn} # {unique()}"\n'})
    agent.built(repository, limits={"cpus": 0.25})
    (line,) = [
        line for line in agent.last_log.splitlines() if " share " in line and line.startswith("#")
    ]
    assert float(line.split()[-1]) < 0.4


def test_a_build_over_its_time_is_stopped_and_leaves_no_process(agent: Agent):
    mark = unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 3000 # {mark}\n"})
    kind, reason = agent.failed(slow, limits={"timeout_seconds": 4})
    assert kind == "BuildTimedOut"
    assert "limit of 4 seconds" in reason
    gone_within(5, mark)


def test_cancel_ends_the_step_within_five_seconds(agent: Agent, plane: FakeControlPlane):
    mark = unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 3000 # {mark}\n"})
    job_id = agent.start(slow)
    plane.wait_for(lambda: processes(mark), 60)
    plane.cancel.add(job_id)
    assert plane.result(job_id, 5)["outcome"] == "cancelled"
    gone_within(5, mark)
    assert docker("image", "ls", "-q", agent.images[-1]) == ""
    assert not list(agent.settings.folder.glob("run-*/job-*"))


def test_a_killed_agent_takes_its_build_with_it(
    plane: FakeControlPlane, agent: Agent, tmp_path: Path
):
    mark = unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 3000 # {mark}\n"})
    child = agent_process(plane, tmp_path / "other", "killed")
    try:
        plane.put(
            "build",
            {"service_id": "s", "image": "c2d/test-killed:r1", "source": {"url": str(slow.bare)}},
        )
        plane.wait_for(lambda: processes(mark), 60)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
    gone_within(5, mark)
    left = tmp_path / "other" / "agent" / "killed"
    assert list(left.glob("run-*/job-*"))
    Workspace(left).close()
    assert not list(left.glob("run-*"))


def test_sigterm_lets_the_running_build_finish_and_takes_no_other(
    plane: FakeControlPlane, agent: Agent, tmp_path: Path
):
    mark = unique()
    slow = agent.repository({"Dockerfile": f"{PYTHON}RUN sleep 4 # {mark}\n"})
    child = agent_process(plane, tmp_path / "other", "drained")
    spec = {"service_id": "s", "image": "c2d/test-drained:r1", "source": {"url": str(slow.bare)}}
    try:
        first = plane.put("build", spec)
        plane.wait_for(lambda: processes(mark), 60)
        child.send_signal(signal.SIGTERM)
        assert plane.result(first, 30)["outcome"] == "succeeded"
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait(10)
        docker("image", "rm", "c2d/test-drained:r1", check=False)
    second = plane.put("build", spec)
    assert second not in plane.claimed
    assert not list((tmp_path / "other").glob("agent/drained/run-*"))


def test_a_full_disk_stops_the_build_before_it_starts(agent: Agent):
    agent.configure(min_free_disk_mb=10**9)
    kind, reason = agent.failed(agent.repository({"Dockerfile": PYTHON}))
    assert kind == "DiskFull"
    assert "1000000000 MiB" in reason
    assert "MiB free" in reason


def test_two_builds_at_once_are_limited_each_by_its_own_limit(
    agent: Agent, plane: FakeControlPlane
):
    def eat(name: str):
        code = "x = bytearray(250 << 20); import time; time.sleep(1)"
        text = f'{PYTHON}RUN python3 -c "{code}" # {unique()}\n'
        return agent.repository({"Dockerfile": text}, name)

    small = agent.start(eat("small"), limits={"memory_mb": 200})
    large = agent.start(eat("large"), limits={"memory_mb": 400})
    assert plane.result(small, 60)["error"]["type"] == "BuildOutOfMemory"
    assert plane.result(large, 60)["outcome"] == "succeeded"


def test_a_build_step_is_on_the_bridge_and_not_on_the_host(agent: Agent):
    text = f"{PYTHON}RUN echo interfaces $(ls /sys/class/net) # {unique()}\n"
    agent.built(agent.repository({"Dockerfile": text}))
    (line,) = [x for x in agent.last_log.splitlines() if " interfaces " in x and "RUN" not in x]
    assert set(line.split(" interfaces ")[1].split()) <= {"lo", "eth0"}

"""Step limits on a machine with cgroup v2, played by a folder tree."""

import json
import threading
from pathlib import Path

import pytest

from infra.agent.build.limits import Enforcement, StepLimiter, StepLimits

LIMITS = StepLimits(cpus=1.5, memory_mb=300, pids=100)


class FakeBuildKit:
    """Steps as BuildKit leaves them: a bundle, and a cgroup in one unified hierarchy."""

    def __init__(self, folder: Path) -> None:
        self.executor = folder / "executor"
        self.cgroups = folder / "cgroup"
        self.executor.mkdir()
        self.cgroups.mkdir()
        (self.cgroups / "cgroup.controllers").write_text("cpu memory pids")

    def step(self, name: str, *, no_proxy: str) -> Path:
        """Starts a step; its cgroup."""
        cgroup = self.cgroups / f"system.slice:docker:{name}"
        cgroup.mkdir()
        (cgroup / "memory.events").write_text("oom 0\noom_kill 0\n")
        bundle = self.executor / name
        bundle.mkdir()
        config = {
            "process": {"env": ["PATH=/bin", f"NO_PROXY={no_proxy}"]},
            "linux": {"cgroupsPath": f"system.slice:docker:{name}"},
        }
        (bundle / "config.json").write_text(json.dumps(config))
        return cgroup


@pytest.fixture
def buildkit(tmp_path: Path) -> FakeBuildKit:
    return FakeBuildKit(tmp_path)


def _wait(condition) -> None:
    gate = threading.Event()
    for _ in range(500):
        if condition():
            return
        gate.wait(0.01)
    raise AssertionError("it never came true")


def _limited(enforcement: Enforcement, steps: int) -> None:
    _wait(lambda: enforcement.limited_steps == steps)


def test_our_step_gets_its_limits_and_others_are_left_alone(buildkit: FakeBuildKit):
    with StepLimiter(buildkit.executor, buildkit.cgroups).enforce(LIMITS) as enforcement:
        other = buildkit.step("other", no_proxy="localhost")
        ours = buildkit.step("ours", no_proxy=f"localhost,{enforcement.marker}")
        _limited(enforcement, 1)
    assert (ours / "memory.max").read_text() == str(300 * 1024 * 1024)
    assert (ours / "memory.swap.max").read_text() == "0"
    assert (ours / "memory.oom.group").read_text() == "1"
    assert (ours / "cpu.max").read_text() == "150000 100000"
    assert (ours / "pids.max").read_text() == "100"
    assert not (other / "memory.max").exists()
    assert not enforcement.out_of_memory


def test_a_kill_for_want_of_memory_is_noticed(buildkit: FakeBuildKit):
    with StepLimiter(buildkit.executor, buildkit.cgroups).enforce(LIMITS) as enforcement:
        ours = buildkit.step("ours", no_proxy=enforcement.marker)
        _limited(enforcement, 1)
        (ours / "memory.events").write_text("oom 1\noom_kill 1\n")
        _wait(lambda: enforcement.out_of_memory)


def test_builds_side_by_side_do_not_touch_each_others_steps(buildkit: FakeBuildKit):
    limiter = StepLimiter(buildkit.executor, buildkit.cgroups)
    small = StepLimits(cpus=1, memory_mb=100)
    with limiter.enforce(LIMITS) as first, limiter.enforce(small) as second:
        one = buildkit.step("one", no_proxy=first.marker)
        two = buildkit.step("two", no_proxy=second.marker)
        _limited(first, 1)
        _limited(second, 1)
    assert (one / "memory.max").read_text() == str(300 * 1024 * 1024)
    assert (two / "memory.max").read_text() == str(100 * 1024 * 1024)


def test_a_machine_that_cannot_limit_says_why(tmp_path: Path):
    reason = StepLimiter(tmp_path / "absent").unavailable()
    assert reason
    assert "cannot be read by this user" in reason

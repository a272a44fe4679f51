"""Holds every RUN step of a build to its limits of memory, CPU and processes, by cgroups.

BuildKit of Docker 20.10 ignores `--memory` and `--cgroup-parent`, so each step is found and
limited as it starts: BuildKit writes the step's runc bundle (with environment and cgroup path)
before it starts the step. Our steps are told from others by a marker in NO_PROXY, a build
argument every step gets and no cache key depends on.
"""

import json
import os
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

MIB: Final = 1024 * 1024
_SCAN_SECONDS: Final = 0.004
_PERIOD: Final = 100_000
_PIDS: Final = 4096


@dataclass(frozen=True, slots=True)
class StepLimits:
    """What one step may use; `memory_mb` includes swap."""

    cpus: float
    memory_mb: int
    pids: int = _PIDS


@dataclass(slots=True)
class _Step:
    """One running step: its cgroup by controller, and the counter of its OOM events."""

    cgroups: dict[str, Path]
    events: int | None
    limited: bool = False
    seen: int = 0


class Enforcement:
    """The limits of one build while it runs. `marker` must be in its steps' NO_PROXY."""

    def __init__(self) -> None:
        self.marker: Final = f"{secrets.token_hex(12)}.c2d.invalid"
        self.out_of_memory = False
        self.limited_steps = 0


class StepLimiter:
    """Watches one BuildKit's steps. `executor` is where BuildKit keeps their bundles."""

    def __init__(self, executor: Path, cgroups: Path = Path("/sys/fs/cgroup")) -> None:
        self._executor = executor
        self._cgroups = cgroups
        self._unified = (cgroups / "cgroup.controllers").exists()

    def unavailable(self) -> str | None:
        """Why limits cannot be enforced here, None where they can."""
        memory = self._cgroups if self._unified else self._cgroups / "memory"
        if not os.access(self._executor, os.R_OK | os.X_OK):
            return f"{self._executor} cannot be read by this user"
        if not os.access(memory, os.W_OK):
            return f"{memory} cannot be written by this user"
        return None

    @contextmanager
    def enforce(self, limits: StepLimits) -> Iterator[Enforcement]:
        """Limits the steps that carry the marker until the block ends."""
        enforcement = Enforcement()
        ended = threading.Event()
        watch = _Watch(self, limits, enforcement)
        thread = threading.Thread(target=watch.run, args=(ended,), name="step-limits", daemon=True)
        thread.start()
        try:
            yield enforcement
        finally:
            ended.set()
            thread.join(5)

    def bundles(self) -> set[str]:
        try:
            with os.scandir(self._executor) as entries:
                return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}
        except OSError:
            return set()

    def bundle(self, name: str) -> dict[str, Any] | None:
        """A step's runc configuration, None while it is being written."""
        try:
            found = json.loads((self._executor / name / "config.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def cgroups_of(self, bundle: dict[str, Any]) -> dict[str, Path]:
        """The step's folder for each controller."""
        path = str(bundle.get("linux", {}).get("cgroupsPath", "")).lstrip("/")
        if self._unified:
            return dict.fromkeys(("memory", "cpu", "pids"), self._cgroups / path)
        return {name: self._cgroups / name / path for name in ("memory", "cpu", "pids")}

    def files(self, limits: StepLimits) -> list[tuple[str, str, str]]:
        """(controller, file, value) to write, in order; a missing swap file is no error."""
        memory, quota = str(limits.memory_mb * MIB), int(limits.cpus * _PERIOD)
        pids = ("pids", "pids.max", str(limits.pids))
        if self._unified:
            return [
                ("memory", "memory.max", memory),
                ("memory", "memory.swap.max", "0"),
                ("memory", "memory.oom.group", "1"),
                ("cpu", "cpu.max", f"{quota} {_PERIOD}"),
                pids,
            ]
        return [
            ("memory", "memory.limit_in_bytes", memory),
            ("memory", "memory.memsw.limit_in_bytes", memory),
            ("cpu", "cpu.cfs_period_us", str(_PERIOD)),
            ("cpu", "cpu.cfs_quota_us", str(quota)),
            pids,
        ]


@dataclass(slots=True)
class _Watch:
    """One build's thread: finds its steps, limits each, and notices when one runs out of memory."""

    limiter: StepLimiter
    limits: StepLimits
    enforcement: Enforcement
    _strangers: set[str] = field(default_factory=set)
    _steps: dict[str, _Step] = field(default_factory=dict)

    def run(self, ended: threading.Event) -> None:
        while not ended.is_set():
            present = self.limiter.bundles()
            self._strangers &= present
            for name in present - self._strangers - self._steps.keys():
                self._meet(name)
            for name, step in list(self._steps.items()):
                self._tend(name, step, name in present)
            ended.wait(_SCAN_SECONDS)
        for name, step in list(self._steps.items()):
            self._tend(name, step, False)

    def _meet(self, name: str) -> None:
        bundle = self.limiter.bundle(name)
        if bundle is None:
            return
        environment = bundle.get("process", {}).get("env", [])
        if any(self.enforcement.marker in entry for entry in environment):
            self._steps[name] = _Step(self.limiter.cgroups_of(bundle), None)
        else:
            self._strangers.add(name)

    def _tend(self, name: str, step: _Step, present: bool) -> None:
        if not step.limited and all(path.is_dir() for path in step.cgroups.values()):
            self._limit(step)
        self._look(step)
        if not present:
            if step.events is not None:
                os.close(step.events)
            del self._steps[name]

    def _limit(self, step: _Step) -> None:
        with suppress(OSError):
            step.events = _oom_events(step.cgroups["memory"])
        for controller, file, value in self.limiter.files(self.limits):
            with suppress(OSError):
                (step.cgroups[controller] / file).write_text(value)
        step.limited = True
        self.enforcement.limited_steps += 1

    def _look(self, step: _Step) -> None:
        """The removal of a cgroup fires its OOM event once too: only a second one counts then."""
        memory = step.cgroups["memory"]
        if step.events is None:
            if _killed(memory / "memory.events"):
                self.enforcement.out_of_memory = True
            return
        with suppress(BlockingIOError):
            step.seen += os.eventfd_read(step.events)
        if step.seen > 1 or (step.seen == 1 and _killed(memory / "memory.oom_control")):
            self.enforcement.out_of_memory = True


def _oom_events(memory: Path) -> int | None:
    """A counter the kernel raises when the cgroup runs out of memory (cgroup v1 only)."""
    if not (memory / "cgroup.event_control").exists():
        return None
    counter = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
    try:
        with (memory / "memory.oom_control").open() as control:
            (memory / "cgroup.event_control").write_text(f"{counter} {control.fileno()}")
    except OSError:
        os.close(counter)
        raise
    return counter


def _killed(file: Path) -> bool:
    """Whether the kernel has killed something in this cgroup for want of memory."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("oom_kill ") and line != "oom_kill 0" for line in lines)

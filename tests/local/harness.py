"""Runs a real supervisor over stand-in components, as `up` does over the real ones."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from infra.local import processes
from infra.local.control import Answer, ask
from infra.local.lifecycle import standings
from infra.local.processes import Identity
from infra.local.state import State

PROJECT = Path(__file__).resolve().parents[2]


def eventually(holds: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Poll until a condition holds; fails with its name after a deadline."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Platform:
    """One supervisor for one state folder; its components are described in `plan.json`."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._started: list[subprocess.Popen[bytes]] = []

    def plan(self, *components: dict[str, object]) -> None:
        (self.state.home / "plan.json").write_text(json.dumps(components))

    def start(self) -> Identity:
        (self.state.run / "status.json").unlink(missing_ok=True)
        log = (self.state.logs / "supervisor.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.local.stand_in_supervisor", str(self.state.home)],
            cwd=PROJECT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        self._started.append(process)
        eventually(lambda: bool(standings(self.state)), f"a supervisor starts: {self.log()}")
        identity = processes.identify(process.pid)
        assert identity is not None
        return identity

    def log(self) -> str:
        return (self.state.logs / "supervisor.log").read_text()

    def phase(self, name: str) -> str | None:
        phase = standings(self.state).get(name, {}).get("phase")
        return None if phase is None else str(phase)

    def await_phase(self, name: str, phase: str, seconds: float = 20) -> None:
        eventually(lambda: self.phase(name) == phase, f"{name} {phase}\n{self.log()}", seconds)

    def pid(self, name: str) -> int:
        identity = processes.recorded(self.state.run / f"{name}.pid")
        assert identity is not None, f"{name} does not run\n{self.log()}"
        return identity.pid

    def identity(self, name: str) -> Identity:
        identity = processes.recorded(self.state.run / f"{name}.pid")
        assert identity is not None, f"{name} does not run\n{self.log()}"
        return identity

    def order(self, **request: str) -> Answer:
        return ask(self.state.run / "control.sock", request, 30)

    def reap(self) -> None:
        for process in self._started:
            process.poll()

    def destroy(self) -> None:
        supervisor = processes.recorded(self.state.run / "supervisor.pid")
        if supervisor is not None:
            supervisor.send(signal.SIGKILL)
        for process in self._started:
            process.kill()
            process.wait(10)
        for pidfile in self.state.run.glob("*.pid"):
            identity = processes.recorded(pidfile)
            if identity is not None and identity.pid != os.getpid():
                identity.send(signal.SIGKILL)
                identity.wait(10)

"""A job and an engine that need neither a control plane nor Docker."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from infra.agent.edge.calls import EngineCalls
from infra.agent.edge.sockets import Listener
from infra.agent.edge.state import ContainerState, RunState
from shared.adapters.docker.pulling import PullPolicy
from shared.domain.errors import Cancelled
from shared.domain.masking import Masker
from shared.ports.compute import Cloud


class FakeWriter:
    """Splits into lines and masks, as the agent's own does."""

    def __init__(self, job: "FakeJob", stream: str, tap: Callable[[str], None] | None) -> None:
        self._job, self._stream, self._tap = job, stream, tap
        self._data = b""

    def write(self, data: bytes) -> None:
        self._data += data

    def close(self) -> None:
        for line in self._job.masker.mask(self._data.decode()).splitlines():
            self._job.log(line, self._stream)
            if self._tap:
                self._tap(line)
        self._data = b""


class FakeJob:
    """What a handler needs of a job; `stop` is the cancel."""

    def __init__(self) -> None:
        self.masker = Masker()
        self.heartbeat_answer: dict[str, Any] = {}
        self.lines: list[tuple[str, str]] = []
        self.observations: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._stoppers: list[Callable[[], None]] = []

    def stop(self) -> None:
        self._stop.set()
        for stopper in self._stoppers:
            stopper()

    def check(self) -> None:
        if self._stop.is_set():
            raise Cancelled("cancelled")

    def wait(self, seconds: float) -> bool:
        return self._stop.wait(seconds)

    def log(self, text: str, stream: str = "system") -> None:
        self.lines.append((stream, text))

    def writer(self, stream: str, tap: Callable[[str], None] | None = None) -> FakeWriter:
        return FakeWriter(self, stream, tap)

    def observe(self, **facts: Any) -> None:
        self.observations.append(facts)

    @contextmanager
    def on_stop(self, stopper: Callable[[], None]) -> Iterator[None]:
        self._stoppers.append(stopper)
        yield


class FakeContainers:
    """States by container id; what is not here is missing."""

    def __init__(self) -> None:
        self.states: dict[str, ContainerState] = {}
        self.looks = 0
        self._deaths = threading.Condition()
        self._dead: list[str] = []

    def runs(self, container_id: str, *listening: Listener) -> None:
        self.states[container_id] = ContainerState(RunState.RUNNING, listening=listening)

    def dies(self, container_id: str, code: int, ended_at: str = "1", **facts: Any) -> None:
        self.states[container_id] = ContainerState(
            RunState.EXITED, exit_code=code, ended_at=ended_at, **facts
        )
        with self._deaths:
            self._dead.append(container_id)
            self._deaths.notify_all()

    def look(self, container_id: str) -> ContainerState:
        self.looks += 1
        return self.states.get(container_id, ContainerState(RunState.MISSING))

    def secrets(self, _container_id: str) -> list[str]:
        return []

    def deaths(self, stop: threading.Event, connected: Callable[[], None]) -> Iterator[str]:
        connected()
        while not stop.is_set():
            with self._deaths:
                self._deaths.wait(0.05)
                dead, self._dead = self._dead, []
            yield from dead


def no_calls() -> EngineCalls:
    """For jobs that call no engine."""

    def none(_pulls: PullPolicy) -> Cloud:
        raise AssertionError("this job calls no engine")

    return EngineCalls(none)

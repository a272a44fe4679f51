"""The health gate: asks a new instance from outside until it is healthy, gone or out of time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.agent.edge.exchange import Reply, ask
from infra.agent.edge.explain import explain, healthy
from infra.agent.edge.state import ContainerState, Look
from shared.domain.errors import Cancelled, HealthCheckFailed

FIRST_PAUSE: Final = 0.01
EAGER_SECONDS: Final = 1.0
"""How long the pauses stay that short while nothing answers: most apps listen within it."""
SECOND_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 0.5
PROBE_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.25
"""A look asks the engine several things: not before a quick start had its chance, nor often."""
HINT_SECONDS: Final = 5.0
"""Every so often a person who watches the log is told what is still missing."""

Wait = Callable[[float], bool]
"""Waits so many seconds; true as soon as the job is to stop."""


@dataclass(frozen=True, slots=True)
class Passed:
    """How long it took, and what the instance answered last."""

    healthy_after_ms: int
    status_code: int


@dataclass(frozen=True, slots=True)
class HealthGate:
    """What is asked of whom. `port` is the app's own, inside its container; sizes are MB."""

    target: str
    host: str
    port: int
    look: Look
    path: str | None = None
    timeout_seconds: float = 60.0
    memory_mb: int | None = None
    healthy_threshold: int = 1
    probe_seconds: float = PROBE_SECONDS

    def pass_or_fail(self, wait: Wait, hint: Callable[[str], None] = lambda _: None) -> Passed:
        """Returns once the instance is healthy.

        Raises HealthCheckFailed with the cause as soon as the instance is over or the time is
        up, and Cancelled. `hint` hears what is missing while it still may come.
        """
        return _Attempt(self, wait, hint).run()


class _Attempt:
    """One run of a gate."""

    def __init__(self, gate: HealthGate, wait: Wait, hint: Callable[[str], None]) -> None:
        self._gate = gate
        self._wait = wait
        self._hint = hint
        self._started = time.monotonic()
        self._looked = self._started
        self._hinted = self._started
        self._last_hint = ""

    def run(self) -> Passed:
        pause, good = FIRST_PAUSE, 0
        while True:
            reply = self._ask()
            good = good + 1 if healthy(reply, self._gate.path) else 0
            if good >= self._gate.healthy_threshold and reply.status is not None:
                return Passed(round(self._passed() * 1000), reply.status)
            if not good:
                self._look_into(reply)
            pause = self._next_pause(pause, reply)
            if self._wait(pause):
                raise Cancelled("cancelled while the new version was becoming healthy")

    def _next_pause(self, pause: float, reply: Reply) -> float:
        if reply.status is None and self._passed() < EAGER_SECONDS:
            return FIRST_PAUSE
        return min(max(pause * 1.25, SECOND_PAUSE), LONGEST_PAUSE)

    def _ask(self) -> Reply:
        left = self._gate.timeout_seconds - self._passed()
        seconds = max(0.1, min(self._gate.probe_seconds, left))
        return ask(self._gate.target, self._gate.host, self._gate.path or "/", seconds=seconds)

    def _look_into(self, reply: Reply) -> None:
        now = time.monotonic()
        out_of_time = self._passed() >= self._gate.timeout_seconds
        if not out_of_time and now - self._looked < LOOK_SECONDS:
            return
        state = self._gate.look()
        self._looked = time.monotonic()
        if state.over or out_of_time:
            raise HealthCheckFailed(self._explained(reply, state))
        if now - self._hinted >= HINT_SECONDS:
            self._hinted = now
            self._say(f"Not healthy yet. {self._explained(reply, state)}")

    def _say(self, text: str) -> None:
        if text != self._last_hint:
            self._last_hint = text
            self._hint(text)

    def _explained(self, reply: Reply, state: ContainerState) -> str:
        gate = self._gate
        return explain(
            reply,
            state,
            port=gate.port,
            path=gate.path,
            memory_mb=gate.memory_mb,
            seconds=min(self._passed(), gate.timeout_seconds),
            probe_seconds=gate.probe_seconds,
        )

    def _passed(self) -> float:
        return time.monotonic() - self._started

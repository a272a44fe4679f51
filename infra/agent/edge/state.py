"""What can be seen of an instance from outside, however it is run."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from infra.agent.edge.sockets import Listener


class RunState(StrEnum):
    RUNNING = "running"
    EXITED = "exited"
    MISSING = "missing"
    """There is no such container."""
    UNKNOWN = "unknown"
    """The engine did not answer."""


@dataclass(frozen=True, slots=True)
class ContainerState:
    """One look. `listening` is None when it could not be seen; empty when nothing listens."""

    state: RunState
    exit_code: int | None = None
    ended_at: str = ""
    """When it last ended, in the engine's words; tells two ends apart."""
    oom: bool = False
    restarts: int = 0
    memory_mb: int | None = None
    port: int | None = None
    """The app's own port that is published."""
    error: str = ""
    """Why the engine could not start it, in the engine's words."""
    listening: tuple[Listener, ...] | None = None
    last_lines: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing runs that could still become healthy."""
        return self.state in (RunState.EXITED, RunState.MISSING)


Look = Callable[[], ContainerState]

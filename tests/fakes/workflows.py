"""An engine that starts nothing: it keeps what it was told."""

from collections.abc import Mapping

from shared.domain.errors import NotFound, TokenExpired
from shared.ports.workflows import JSON, Execution, ExecutionStatus


class FakeWorkflows:
    """`answers` maps a token to its output or to (error, reason); a token is answered once."""

    def __init__(self) -> None:
        self.executions: dict[str, Execution] = {}
        self.inputs: dict[str, Mapping[str, JSON]] = {}
        self.answers: dict[str, JSON | tuple[str, str]] = {}
        self.beats: list[str] = []

    def start(self, machine: str, execution: str, payload: Mapping[str, JSON]) -> None:
        if execution not in self.executions:
            self.executions[execution] = Execution(execution, machine, ExecutionStatus.RUNNING)
            self.inputs[execution] = payload

    def stop(self, execution: str, error: str, reason: str) -> None:
        if execution not in self.executions:
            raise NotFound(execution)
        self.end(execution, ExecutionStatus.ABORTED, error, reason)

    def end(
        self, execution: str, status: ExecutionStatus, error: str = "", cause: str = ""
    ) -> None:
        """Let an execution end, as the engine would by itself."""
        machine = self.executions[execution].machine
        self.executions[execution] = Execution(execution, machine, status, error, cause)

    def describe(self, execution: str) -> Execution | None:
        return self.executions.get(execution)

    def succeed(self, token: str, output: JSON) -> None:
        self._answer(token, output)

    def fail(self, token: str, error: str, reason: str) -> None:
        self._answer(token, (error, reason))

    def heartbeat(self, token: str) -> None:
        if token in self.answers:
            raise TokenExpired(token)
        self.beats.append(token)

    def _answer(self, token: str, answer: JSON | tuple[str, str]) -> None:
        if token in self.answers:
            raise TokenExpired(token)
        self.answers[token] = answer

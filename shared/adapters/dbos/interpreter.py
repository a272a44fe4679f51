"""Walks a definition from state to state; what lasts or touches the world is its steps' affair.

It must stay deterministic: after a crash it walks again from the start, and its steps answer
what they answered before.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from shared.adapters.asl.definition import (
    Choice,
    Definition,
    Fail,
    Leaving,
    Pass,
    Retrier,
    Seconds,
    State,
    Succeed,
    Task,
    Wait,
)
from shared.adapters.asl.expressions import Evaluator, QueryFailed
from shared.adapters.asl.outcomes import (
    NO_CHOICE,
    QUERY_FAILED,
    Failure,
    Outcome,
    Result,
    matches,
)
from shared.ports.workflows import JSON


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a task. `arguments` takes the task token, where the task has one.

    All three may raise QueryFailed.
    """

    state: str
    task: Task
    arguments: Callable[[str | None], Mapping[str, JSON]]
    timeout_seconds: Callable[[], int]
    heartbeat_seconds: Callable[[], int | None]


class Steps(Protocol):
    """What is remembered once done. Each raises an Interrupt when the execution must stop."""

    def attempt(self, attempt: Attempt) -> Outcome:
        """Make one attempt of a task."""

    def pause(self, state: str, seconds: float, *, jitter: bool = False) -> None:
        """Let `seconds` pass, or with `jitter` a random part of them."""

    def enter(self, state: str) -> None:
        """Say that a state begins."""


@dataclass(frozen=True, slots=True)
class Moved:
    next: str
    data: JSON


@dataclass(frozen=True, slots=True)
class Finished:
    output: JSON


Move: TypeAlias = Moved | Finished | Failure


class Interpreter:
    """One execution of `definition`."""

    def __init__(self, definition: Definition, execution: str, data: JSON, steps: Steps) -> None:
        self._definition = definition
        self._execution: JSON = {"Id": execution, "Name": execution, "Input": data}
        self._data = data
        self._steps = steps
        self._variables: dict[str, JSON] = {}
        self._evaluator = Evaluator()

    def run(self) -> Finished | Failure:
        """To the end, whatever it is."""
        name, data = self._definition.start_at, self._data
        while True:
            self._steps.enter(name)
            try:
                move = self._state(name, self._definition.states[name], data)
            except QueryFailed as error:
                return Failure(QUERY_FAILED, f"the state {name}: {error}")
            if not isinstance(move, Moved):
                return move
            name, data = move.next, move.data

    def _state(self, name: str, state: State, data: JSON) -> Move:
        match state:
            case Task():
                return self._task(name, state, data)
            case Choice():
                return self._choice(name, state, data)
            case Wait():
                bindings = self._bindings(name, data)
                self._steps.pause(name, self._evaluator.seconds(state.seconds, bindings))
                return self._leave(state.leaving, bindings, data)
            case Pass():
                return self._leave(state.leaving, self._bindings(name, data), data)
            case Succeed(output):
                bindings = self._bindings(name, data)
                return Finished(self._evaluate(output.value, bindings) if output else data)
            case Fail(error, cause):
                bindings = self._bindings(name, data)
                return Failure(
                    str(self._evaluate(error, bindings)), str(self._evaluate(cause, bindings))
                )

    def _choice(self, name: str, choice: Choice, data: JSON) -> Move:
        bindings = self._bindings(name, data)
        for rule in choice.rules:
            if self._evaluator.condition(rule.condition, bindings):
                return self._leave(rule.leaving, bindings, data)
        if choice.default is None:
            return Failure(NO_CHOICE, f"no rule of the state {name} matches and it has no default")
        return self._leave(choice.default, bindings, data)

    def _task(self, name: str, task: Task, data: JSON) -> Move:
        spent: Counter[int] = Counter()
        while True:
            retries = spent.total()
            outcome = self._steps.attempt(self._attempt(name, task, data, retries))
            if isinstance(outcome, Result):
                try:
                    bound = self._bindings(name, data, retries=retries, result=outcome.value)
                    return self._leave(task.leaving, bound, outcome.value)
                except QueryFailed as error:
                    outcome = Failure(QUERY_FAILED, f"the state {name}: {error}")
            retrier = _next_retrier(task.retry, outcome.error, spent)
            if retrier is None:
                return self._catch(task, outcome, name, data, retries)
            chosen = task.retry[retrier]
            delay = _delay(chosen, spent[retrier])
            self._steps.pause(name, delay, jitter=chosen.full_jitter)
            spent[retrier] += 1

    def _catch(self, task: Task, failure: Failure, name: str, data: JSON, retries: int) -> Move:
        for catcher in task.catch:
            if matches(catcher.errors, failure.error):
                bindings = self._bindings(name, data, retries=retries, errorOutput=failure.output)
                return self._leave(catcher.leaving, bindings, failure.output)
        return failure

    def _attempt(self, name: str, task: Task, data: JSON, retries: int) -> Attempt:
        def bindings(token: str | None = None) -> dict[str, Any]:
            return self._bindings(name, data, retries=retries, token=token)

        def arguments(token: str | None) -> Mapping[str, JSON]:
            bound = bindings(token)
            return {key: self._evaluate(raw, bound) for key, raw in task.arguments.items()}

        def seconds(given: Seconds) -> int:
            return self._evaluator.seconds(given, bindings())

        heartbeat = task.heartbeat_seconds
        return Attempt(
            name,
            task,
            arguments,
            lambda: seconds(task.timeout_seconds),
            lambda: None if heartbeat is None else seconds(heartbeat),
        )

    def _leave(self, leaving: Leaving, bindings: dict[str, Any], data: JSON) -> Move:
        """Output and Assign both see the variables as they were on entry."""
        output = self._evaluate(leaving.output.value, bindings) if leaving.output else data
        assigned = {key: self._evaluate(raw, bindings) for key, raw in leaving.assign.items()}
        self._variables.update(assigned)
        return Finished(output) if leaving.next is None else Moved(leaving.next, output)

    def _evaluate(self, template: JSON, bindings: dict[str, Any]) -> JSON:
        return self._evaluator.evaluate(template, bindings)

    def _bindings(
        self,
        name: str,
        data: JSON,
        *,
        retries: int = 0,
        token: str | None = None,
        **more: JSON,
    ) -> dict[str, Any]:
        context: dict[str, JSON] = {
            "Execution": self._execution,
            "State": {"Name": name, "RetryCount": retries},
        }
        if token is not None:
            context["Task"] = {"Token": token}
        return {**self._variables, "states": {"input": data, "context": context, **more}}


def _next_retrier(retry: tuple[Retrier, ...], error: str, spent: Counter[int]) -> int | None:
    """The first retrier that takes the error, unless its attempts are spent."""
    for index, retrier in enumerate(retry):
        if matches(retrier.errors, error):
            return index if spent[index] < retrier.max_attempts else None
    return None


def _delay(retrier: Retrier, before: int) -> float:
    """Seconds before the next attempt, after `before` retries of this retrier."""
    delay = retrier.interval_seconds * retrier.backoff_rate**before
    return min(delay, retrier.max_delay_seconds or delay)

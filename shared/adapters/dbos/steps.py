"""The durable steps of one execution: each is recorded by DBOS once it is done.

What must survive in the middle of a step (its token, its deadline, whether the work was handed
over) is a row of `waits`, written before the step does anything.
"""

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

from dbos import DBOS

from shared.adapters.asl.definition import Definition, Resource
from shared.adapters.asl.expressions import QueryFailed
from shared.adapters.asl.loading import machine_name
from shared.adapters.asl.outcomes import (
    HEARTBEAT_TIMEOUT,
    QUERY_FAILED,
    TIMEOUT,
    Failure,
    Outcome,
    Result,
    from_json,
    to_json,
)
from shared.adapters.dbos.executions import Executions
from shared.adapters.dbos.functions import Call, Functions
from shared.adapters.dbos.interpreter import Attempt
from shared.adapters.dbos.nested import NAME, nested_name, nested_outcome
from shared.adapters.dbos.runs import Run
from shared.adapters.dbos.waits import Pending, Waits
from shared.ports.workflows import ENDED, JSON


class World(Protocol):
    """What a step reaches beyond its own execution."""

    @property
    def executions(self) -> Executions: ...

    @property
    def waits(self) -> Waits: ...

    @property
    def functions(self) -> Functions: ...

    def send(self, queue: str, body: JSON) -> None:
        """Put a message on a queue."""

    def machine(self, name: str) -> Definition | None:
        """The machine that a new execution of `name` runs."""

    def drive(self, execution: str) -> None:
        """Drive a recorded execution, unless somebody does."""

    def abort(self, execution: str, error: str, reason: str) -> None:
        """End an execution and what it started."""

    def connected_for(self) -> float:
        """Seconds since heartbeats could be delivered without a break."""


class DurableSteps:
    """The steps of one Run, numbered in the order the interpreter takes them."""

    def __init__(self, run: Run, world: World) -> None:
        self._run = run
        self._world = world
        self._executions = world.executions
        self._waits = world.waits
        self._step = 0

    def enter(self, state: str) -> None:  # noqa: ARG002 - the port names it, logs may use it
        self._run.arm()

    def pause(self, state: str, seconds: float, *, jitter: bool = False) -> None:
        step = self._next()
        # A replay draws again, but the wait that the first life opened decides.
        length = random.uniform(0, seconds) if jitter else seconds  # noqa: S311 - no secret

        def work() -> dict[str, JSON]:
            wait = self._run.persist(lambda: self._waits.open_wait(self._run.name, step, length))
            self._until(time.monotonic() + wait.remaining, lambda: None)
            return to_json(Result(None))

        DBOS.run_step({"name": f"{state}: pause"}, work)

    def attempt(self, attempt: Attempt) -> Outcome:
        step = self._next()
        return from_json(
            DBOS.run_step({"name": attempt.state}, lambda: to_json(self._outcome(step, attempt)))
        )

    def _next(self) -> int:
        self._step += 1
        return self._step

    def _outcome(self, step: int, attempt: Attempt) -> Outcome:
        try:
            timeout = attempt.timeout_seconds()
            match attempt.task.resource:
                case Resource.INVOKE:
                    return self._invoke(attempt, timeout)
                case Resource.RUN_EXECUTION:
                    return self._nested(step, attempt, timeout)
                case _:
                    return self._answered(step, attempt, timeout)
        except QueryFailed as error:
            return Failure(QUERY_FAILED, f"the state {attempt.state}: {error}")

    def _invoke(self, attempt: Attempt, timeout: float) -> Outcome:
        call = self._call(attempt, None)
        outcome = self._finished(call, time.monotonic() + timeout)
        if isinstance(outcome, Result):
            return Result({"Payload": outcome.value, "StatusCode": 200})
        return outcome or _timed_out(attempt)

    def _call(self, attempt: Attempt, token: str | None) -> Call:
        arguments = attempt.arguments(token)
        functions, wake = self._world.functions, self._run.wake.set
        if attempt.task.resource is not Resource.SEND_AND_WAIT:
            return functions.call(str(arguments["FunctionName"]), arguments["Payload"], wake)
        queue, body = str(arguments["QueueUrl"]), arguments["MessageBody"]

        def send(_name: str, _payload: object) -> None:
            self._world.send(queue, body)

        return functions.call(queue, body, wake, send)

    def _finished(self, call: Call, until: float) -> Outcome | None:
        """The call's outcome, or None when `until` came first."""
        try:
            return self._until(until, lambda: call.outcome, finishing=True)
        finally:
            call.abandon()

    def _answered(self, step: int, attempt: Attempt, timeout: float) -> Outcome:
        """Hand the work over once, then wait for the token's answer.

        An answer counts even if it came before the handing over ended, or that failed.
        """
        run, waits = self._run, self._waits
        wait = run.persist(lambda: waits.open_wait(run.name, step, timeout))
        if not wait.submitted:
            call = self._call(attempt, wait.token)
            outcome = self._finished(call, time.monotonic() + wait.remaining)
            if isinstance(outcome, Result):
                return self._await_answer(step, attempt, self._submitted(step))
            if run.persist(lambda: waits.close_wait(run.name, step)):
                return outcome or _timed_out(attempt)
        run.arm()
        return self._await_answer(step, attempt, run.persist(lambda: waits.pending(run.name, step)))

    def _submitted(self, step: int) -> Pending:
        """What was handed over is noted as such even while the process closes."""
        run, waits = self._run, self._waits
        run.wake.clear()
        seen = run.persist(lambda: waits.submitted(run.name, step))
        run.check()
        return seen

    def _await_answer(self, step: int, attempt: Attempt, seen: Pending) -> Outcome:
        """What the token's holder says, or which limit was over before.

        The run was armed before `seen` was read.
        """
        run, waits, heartbeat = self._run, self._waits, attempt.heartbeat_seconds()
        while seen.answer is None:
            left, failure, silence = seen.remaining, _timed_out(attempt), 0
            quiet = min(seen.silent, self._world.connected_for())
            if heartbeat is not None and heartbeat - quiet < left:
                left, failure, silence = heartbeat - quiet, _silent(attempt, heartbeat), heartbeat
            if left > 0:
                run.wait(left)
            elif run.persist(partial(waits.close_wait, run.name, step, silence)):
                return failure
            run.arm()
            seen = run.persist(lambda: waits.pending(run.name, step))
        return from_json(seen.answer)

    def _nested(self, step: int, attempt: Attempt, timeout: float) -> Outcome:
        arguments = attempt.arguments(None)
        run, executions = self._run, self._executions
        machine = machine_name(str(arguments["StateMachineArn"]))
        name = str(arguments.get("Name") or nested_name(run.name, step))
        definition = self._world.machine(machine)
        if definition is None:
            return Failure("StepFunctions.StateMachineDoesNotExistException", machine)
        if not NAME.fullmatch(name):
            return Failure("StepFunctions.InvalidNameException", name)
        payload = arguments["Input"]
        run.persist(lambda: executions.add_child(name, definition, payload, run.name, step))
        child = run.persist(lambda: executions.child(name, run.name, step, timeout))
        run.arm()
        if child is None or not child.mine:
            return Failure("StepFunctions.ExecutionAlreadyExistsException", name)
        run.persist(lambda: self._world.drive(name))
        return self._joined(name, attempt, time.monotonic() + child.remaining)

    def _joined(self, name: str, attempt: Attempt, until: float) -> Outcome:
        run, executions = self._run, self._executions

        def ended() -> Outcome | None:
            execution = run.persist(lambda: executions.describe(name))
            if execution is None or execution.status not in ENDED:
                return None
            return nested_outcome(execution, *run.persist(lambda: executions.times(name)))

        outcome = self._until(until, ended)
        if outcome is None:
            failure = _timed_out(attempt)
            self._world.abort(name, failure.error, failure.cause)
            return failure
        return outcome

    def _until(
        self, until: float, look: Callable[[], Outcome | None], *, finishing: bool = False
    ) -> Outcome | None:
        """What `look` sees once it sees something, or None when `until` came first."""
        while True:
            self._run.arm(finishing=finishing)
            seen = look()
            left = until - time.monotonic()
            if seen is not None or left <= 0:
                return seen
            self._run.wait(left)


def _timed_out(attempt: Attempt) -> Failure:
    return Failure(TIMEOUT, f"{attempt.state} did not end within its TimeoutSeconds")


def _silent(attempt: Attempt, seconds: int) -> Failure:
    return Failure(HEARTBEAT_TIMEOUT, f"{attempt.state} sent no heartbeat for {seconds} s")

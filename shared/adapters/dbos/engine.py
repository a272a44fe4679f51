"""The workflow engine of one machine: the state machines' definitions, driven durably."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from shared.adapters.asl.definition import Definition
from shared.adapters.asl.loading import parse
from shared.adapters.asl.outcomes import RUNTIME, TASK_FAILED, TIMEOUT, Outcome
from shared.adapters.dbos.client import DbosClient
from shared.adapters.dbos.database import Database, transient
from shared.adapters.dbos.executions import PROTOCOL, Executions, Started
from shared.adapters.dbos.functions import Functions, Invoke
from shared.adapters.dbos.hold import Hold
from shared.adapters.dbos.interpreter import Finished, Interpreter
from shared.adapters.dbos.library import Library, is_outage, is_takeover
from shared.adapters.dbos.runs import Aborted, BrokenOff, MachineTimedOut, Run, Runs
from shared.adapters.dbos.schema import migrate
from shared.adapters.dbos.steps import DurableSteps
from shared.adapters.dbos.waits import Waits
from shared.domain.errors import Transient
from shared.ports.workflows import JSON, Execution, ExecutionStatus

Send: TypeAlias = Callable[[str, JSON], None]
"""Puts a message on a queue."""

logger = logging.getLogger(__name__)

_DELETE_BATCH: Final = 500


class ProtocolMismatch(Exception):
    """Executions of another version of the interpreter have not ended."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Sizes and patience. The database sees `connections` + `log_connections` + 1 sessions."""

    schema: str = "workflows"
    connections: int = 8
    log_connections: int = 8
    functions: int = 32
    lock_seconds: float = 10.0
    close_seconds: float = 10.0
    end_other_protocols: bool = False


class DbosWorkflows(DbosClient):
    """The workflows' port and its engine. One process per database may `launch` it."""

    def __init__(
        self,
        database_url: str,
        machines: Mapping[str, Definition],
        invoke: Invoke,
        send: Send,
        settings: EngineSettings | None = None,
    ) -> None:
        self._settings = settings or EngineSettings()
        database = Database(database_url, self._settings.schema, self._settings.connections)
        super().__init__(database, machines)
        self._send = send
        self._functions = Functions(invoke, self._settings.functions)
        self._runs = Runs()
        self._is_lost = False
        self._definitions: dict[str, Definition] = {}
        self._library = Library(
            database_url,
            f"{self._settings.schema}_log",
            PROTOCOL,
            self._settings.log_connections,
            self._drive,
        )
        self._hold = Hold(
            database.url,
            self._settings.schema,
            self._settings.lock_seconds,
            self._notified,
            self._listening,
            self._lost,
        )

    @property
    def executions(self) -> Executions:
        return self._executions

    @property
    def waits(self) -> Waits:
        return self._waits

    @property
    def functions(self) -> Functions:
        return self._functions

    def launch(self) -> None:
        """Become the engine and go on with what runs.

        Raises EngineBusy when another process is the engine, ProtocolMismatch when what runs
        cannot be gone on with, Transient when the database does not answer.
        """
        try:
            with transient():
                migrate(self._hold.acquire(), self._settings.schema)
            self._database.open()
            for definition in self._machines.values():
                self._executions.store_definition(definition)
            self._check_protocols()
            self._library.open()
            self._hold.listen()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave what runs to the next launch; functions get `close_seconds` to end."""
        self._runs.close(self._settings.close_seconds)
        self._library.close()
        self._hold.close()
        super().close()

    def delete_ended(self, older_than: timedelta) -> int:
        """Forget executions that ended that long ago; how many."""
        deleted = 0
        keep = [definition.digest for definition in self._machines.values()]
        while names := self._executions.ended_before(older_than.total_seconds(), _DELETE_BATCH):
            self._library.delete(names)
            self._executions.delete(names, keep)
            deleted += len(names)
        return deleted

    def driven(self) -> list[str]:
        """Names of the executions this process drives right now."""
        return self._runs.names()

    def send(self, queue: str, body: JSON) -> None:
        self._send(queue, body)

    def machine(self, name: str) -> Definition | None:
        return self._machines.get(name)

    def connected_for(self) -> float:
        return self._hold.connected_for()

    def abort(self, execution: str, error: str, reason: str) -> None:
        self._stopped(self._executions.abort(execution, error, reason))

    def drive(self, execution: str) -> None:
        """Drive a recorded execution, unless this process does already."""
        if execution not in self._runs:
            self._library.start(execution)

    def _add(self, execution: str, definition: Definition, payload: JSON) -> None:
        """A name that is taken is driven too: its first start may have failed half-way."""
        added = self._executions.add(execution, definition, payload, notify=self._is_lost)
        if added or self._executions.running(execution) is not None:
            self.drive(execution)

    def _answer(self, token: str, outcome: Outcome) -> str:
        execution = super()._answer(token, outcome)
        self._runs.wake(execution)
        return execution

    def _stopped(self, ended: list[tuple[str, str | None]]) -> None:
        for name, parent in ended:
            self._runs.abort(name)
            if parent is not None:
                self._runs.wake(parent)

    def _drive(self, name: str) -> None:
        """The whole of one execution, in a thread of DBOS."""
        try:
            self._drive_to_its_end(name)
        except BrokenOff:
            self._library.resume(name)
            raise

    def _drive_to_its_end(self, name: str) -> None:
        with self._runs.entered(name) as run:
            started = run.persist(lambda: self._executions.running(name))
            if started is None:
                return
            run.deadline = time.monotonic() + started.remaining
            try:
                ended = self._interpret(run, started)
            except Aborted:
                ended = None
            run.deadline = float("inf")
            self._end(run, ended)

    def _interpret(self, run: Run, started: Started) -> Execution:
        name, machine = started.name, started.machine
        try:
            definition = run.persist(lambda: self._definition(started.definition))
            steps = DurableSteps(run, self)
            outcome = Interpreter(definition, name, started.input, steps).run()
        except MachineTimedOut:
            return Execution(name, machine, ExecutionStatus.TIMED_OUT, TIMEOUT)
        except Exception as error:  # a fault in here must not leave it running
            if is_takeover(error):
                raise
            if is_outage(error):
                reason = str(error).partition("\n")[0]
                logger.warning("the execution %s goes on from its last step: %s", name, reason)
                raise BrokenOff from error
            logger.exception("the execution %s cannot go on", name)
            return Execution(name, machine, ExecutionStatus.FAILED, RUNTIME, str(error))
        if isinstance(outcome, Finished):
            return Execution(name, machine, ExecutionStatus.SUCCEEDED, output=outcome.output)
        return Execution(name, machine, ExecutionStatus.FAILED, outcome.error, outcome.cause)

    def _end(self, run: Run, ended: Execution | None) -> None:
        """Write the end and tell the parent; what it had started and left behind ends too."""
        if ended is not None:
            parent = run.persist(lambda: self._executions.end(ended))
            if parent is not None:
                self._runs.wake(parent)
        if ended is None or ended.status is ExecutionStatus.TIMED_OUT:
            run.aborted = False
            self._stopped(
                run.persist(
                    lambda: self._executions.abort(
                        run.name, TASK_FAILED, "its parent has ended", itself=False
                    )
                )
            )

    def _definition(self, digest: str) -> Definition:
        """The very definition an execution began with."""
        if digest not in self._definitions:
            machine, document = self._executions.definition(digest)
            self._definitions[digest] = parse(document, machine)
        return self._definitions[digest]

    def _check_protocols(self) -> None:
        others = [name for name, protocol in self._executions.all_running() if protocol != PROTOCOL]
        if others and not self._settings.end_other_protocols:
            raise ProtocolMismatch(
                f"{len(others)} executions began under another version of the interpreter: "
                "let the previous release finish them, or end them by setting "
                "end_other_protocols"
            )
        for name in others:
            self._executions.abort(name, RUNTIME, "ended by an upgrade of the interpreter")

    def _listening(self) -> None:
        threading.Thread(target=self._resync, name="workflows-resync", daemon=True).start()

    def _resync(self) -> None:
        """Make true what a crash or a lost session left untrue; the next session tries again."""
        driven = self._runs.names()
        try:
            for name in self._executions.orphans():
                self.abort(name, TASK_FAILED, "its parent has ended")
            running = [name for name, _ in self._executions.all_running()]
            for name in driven:
                self._runs.wake(name) if name in running else self._runs.abort(name)
            unseen, given_up = self._library.lost(running)
            for name in unseen:
                self.drive(name)
            for name in given_up:
                self.abort(name, RUNTIME, "the engine lost this execution")
        except Transient as error:
            logger.warning("%s", error)

    def _notified(self, message: str) -> None:
        kind, _, name = message.partition(":")
        if kind == "stop":
            self._runs.abort(name)
        elif kind == "wake":
            self._runs.wake(name)
        elif kind == "start":
            threading.Thread(target=self.drive, args=(name,), daemon=True).start()

    def _lost(self) -> None:
        self._is_lost = True
        self._runs.close(0)

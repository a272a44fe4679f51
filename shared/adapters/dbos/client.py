"""The workflows' port on the engine's tables alone: for processes that are not the engine."""

import json
from collections.abc import Mapping

from shared.adapters.asl.definition import Definition
from shared.adapters.asl.outcomes import Failure, Outcome, Result, to_json
from shared.adapters.dbos.database import Database
from shared.adapters.dbos.executions import Executions
from shared.adapters.dbos.functions import PAYLOAD_LIMIT
from shared.adapters.dbos.nested import NAME
from shared.adapters.dbos.waits import Waits
from shared.domain.errors import Invalid, NotFound, TokenExpired, TooLarge
from shared.ports.workflows import JSON, Execution


class DbosClient:
    """Everything but driving: the engine hears of it by notification.

    `machines` are those that may be started, by name.
    """

    def __init__(self, database: Database, machines: Mapping[str, Definition]) -> None:
        self._database = database
        self._machines = machines
        self._executions = Executions(database)
        self._waits = Waits(database)

    def start(self, machine: str, execution: str, payload: Mapping[str, JSON]) -> None:
        definition = self._machines.get(machine)
        if definition is None:
            raise NotFound(f"there is no state machine {machine}")
        if not NAME.fullmatch(execution):
            raise Invalid(f"{execution!r} does not name an execution: 1 to 80 of A-Z a-z 0-9 - _")
        _check_size(dict(payload))
        self._add(execution, definition, dict(payload))

    def stop(self, execution: str, error: str, reason: str) -> None:
        if self._executions.describe(execution) is None:
            raise NotFound(f"there is no execution {execution}")
        self.abort(execution, error, reason)

    def describe(self, execution: str) -> Execution | None:
        return self._executions.describe(execution)

    def succeed(self, token: str, output: JSON) -> None:
        _check_size(output)
        self._answer(token, Result(output))

    def fail(self, token: str, error: str, reason: str) -> None:
        self._answer(token, Failure(error, reason))

    def heartbeat(self, token: str) -> None:
        if not self._waits.heartbeat(token):
            raise TokenExpired("no workflow waits for this work any more")

    def abort(self, execution: str, error: str, reason: str) -> None:
        """Like stop, for an execution that exists."""
        self._executions.abort(execution, error, reason)

    def close(self) -> None:
        self._database.close()

    def _add(self, execution: str, definition: Definition, payload: JSON) -> None:
        self._executions.store_definition(definition)
        self._executions.add(execution, definition, payload, notify=True)

    def _answer(self, token: str, outcome: Outcome) -> str:
        execution = self._waits.answer(token, to_json(outcome))
        if execution is None:
            raise TokenExpired("no workflow waits for this answer any more")
        return execution


def _check_size(value: JSON) -> None:
    if len(json.dumps(value)) > PAYLOAD_LIMIT:
        raise TooLarge(f"more than {PAYLOAD_LIMIT} bytes cannot pass through a workflow")

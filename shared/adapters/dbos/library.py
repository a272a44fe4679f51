"""DBOS itself, which exists once per process: its settings, its start and its end."""

import contextvars
import logging
from collections.abc import Callable, Sequence
from typing import Final

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error

from shared.adapters.dbos.database import SESSION

_NAME: Final = "execution"
_EXECUTOR: Final = "engine"
_PENDING: Final = frozenset({"PENDING", "ENQUEUED", "DELAYED"})


class Library:
    """Keeps the log of finished steps in `schema` and calls `drive` for each execution.

    `version` and the executor's name are fixed, so that a new release of DBOS or of the platform
    goes on with what an older one began.
    """

    def __init__(
        self,
        url: str,
        schema: str,
        version: str,
        connections: int,
        drive: Callable[[str], None],
    ) -> None:
        self._config = _config(url, schema, version, connections)
        self._drive = drive
        self._execution: Callable[[str], None] | None = None

    def open(self) -> None:
        """Launch DBOS, which goes on with every execution that had not ended."""
        _log_like_everybody()
        DBOS(config=self._config)
        self._execution = DBOS.workflow(name=_NAME, max_recovery_attempts=None)(self._driving())
        DBOS.launch()

    def start(self, execution: str) -> None:
        """Drive an execution; nothing happens when DBOS knows its name."""
        contextvars.Context().run(self._start, execution)

    def lost(self, executions: Sequence[str]) -> tuple[list[str], list[str]]:
        """Of these running executions, those DBOS never saw, and those it has given up."""
        return contextvars.Context().run(self._lost, executions)

    def delete(self, executions: list[str]) -> None:
        contextvars.Context().run(DBOS.delete_workflows, executions)

    def close(self) -> None:
        if self._execution is not None:
            self._execution = None
            DBOS.destroy(destroy_registry=True)

    def _driving(self) -> Callable[[str], None]:
        def execution(name: str) -> None:
            self._drive(name)

        return execution

    def _start(self, name: str) -> None:
        if self._execution is not None:
            with SetWorkflowID(name):
                DBOS.start_workflow(self._execution, name)

    def _lost(self, executions: Sequence[str]) -> tuple[list[str], list[str]]:
        if not executions:
            return [], []
        found = DBOS.list_workflows(
            workflow_ids=list(executions), load_input=False, load_output=False
        )
        status = {workflow.workflow_id: workflow.status for workflow in found}
        unseen = [name for name in executions if name not in status]
        given_up = [name for name in executions if status.get(name, "PENDING") not in _PENDING]
        return unseen, given_up


def is_takeover(error: Exception) -> bool:
    """Whether another run of the same execution owns it now: this one has nothing to say."""
    return isinstance(
        error,
        dbos_error.DBOSWorkflowConflictIDError | dbos_error.DBOSWorkflowCancelledError,
    )


def _config(url: str, schema: str, version: str, connections: int) -> DBOSConfig:
    return {
        "name": "click-to-deploy",
        "system_database_url": url,
        "dbos_system_schema": schema,
        "sys_db_pool_size": connections,
        "db_engine_kwargs": {
            "connect_args": {**SESSION, "application_name": "click-to-deploy log"}
        },
        "application_version": version,
        "executor_id": _EXECUTOR,
        "serializer": DBOSPortableJSONSerializer(),
        "use_listen_notify": False,
        "notification_listener_polling_interval_sec": 0.1,
        "scheduler_polling_interval_sec": 3600.0,
        "log_level": "WARNING",
    }


def _log_like_everybody() -> None:
    """DBOS adds a console handler of its own to a logger without one."""
    log = logging.getLogger("dbos")
    if not log.handlers:
        log.addHandler(logging.NullHandler())

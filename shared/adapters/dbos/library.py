"""DBOS itself, which exists once per process: its settings, its start and its end."""

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_error
from sqlalchemy.exc import DBAPIError

from shared.adapters.dbos.database import SESSION, plain_url
from shared.adapters.postgres.liveness import CheckedPool
from shared.domain.errors import Transient

_NAME: Final = "execution"
_EXECUTOR: Final = "engine"
_PATIENCE_SECONDS: Final = 600.0
_RETRY_SECONDS: Final = 0.2
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
        self._url = plain_url(url)
        self._closing = threading.Event()
        self._config = _config(url, schema, version, connections, self._connect)
        self._drive = drive
        self._execution: Callable[[str], None] | None = None

    def open(self) -> None:
        """Launch DBOS, which goes on with every execution that had not ended."""
        _log_like_everybody()
        DBOS(config=self._config)
        self._execution = DBOS.workflow(name=_NAME, max_recovery_attempts=None)(self._driving())
        DBOS.launch()

    def start(self, execution: str) -> None:
        """Drive an execution; nothing happens when DBOS knows its name. Raises Transient."""
        try:
            contextvars.Context().run(self._start, execution)
        except DBAPIError as error:
            raise Transient(f"the workflow engine could not begin: {error}") from error

    def resume(self, execution: str) -> None:
        """Drive again an execution whose run broke off, as soon as the database takes it."""
        while not self._closing.is_set():
            try:
                contextvars.Context().run(DBOS.resume_workflow, execution)
            except DBAPIError:
                self._closing.wait(_RETRY_SECONDS)
            else:
                return

    def lost(self, executions: Sequence[str]) -> tuple[list[str], list[str]]:
        """Of these running executions, those DBOS never saw, and those it has given up."""
        return contextvars.Context().run(self._lost, executions)

    def delete(self, executions: list[str]) -> None:
        contextvars.Context().run(DBOS.delete_workflows, executions)

    def close(self) -> None:
        self._closing.set()
        if self._execution is not None:
            self._execution = None
            DBOS.destroy(destroy_registry=True)

    def _connect(self) -> psycopg.Connection[Any]:
        """Waits out an outage: DBOS knows few of the ways to say that a server is away, and
        would come back to the others only after a minute.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return psycopg.connect(
                    self._url, **{**SESSION, "application_name": "click-to-deploy log"}
                )
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self._closing.wait(_RETRY_SECONDS):
                    raise psycopg.OperationalError(f"connection failed: {error}") from error

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


def is_outage(error: Exception) -> bool:
    """Whether the database failed, which is no fault of the execution."""
    return isinstance(error, DBAPIError | psycopg.Error)


def _config(
    url: str,
    schema: str,
    version: str,
    connections: int,
    connect: Callable[[], psycopg.Connection[Any]],
) -> DBOSConfig:
    return {
        "name": "click-to-deploy",
        "system_database_url": url,
        "dbos_system_schema": schema,
        "sys_db_pool_size": connections,
        "db_engine_kwargs": {
            "creator": connect,
            "poolclass": CheckedPool,
            "pool_pre_ping": False,
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

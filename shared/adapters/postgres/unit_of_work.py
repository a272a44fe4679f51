"""One transaction on the database, and the repositories inside it."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, func, select

from shared.adapters.postgres.audit import SqlAudit, write_act
from shared.adapters.postgres.errors import translated
from shared.adapters.postgres.logs import LOG_BYTES, SqlLogs
from shared.adapters.postgres.transaction import Transaction
from shared.domain.audit import Act
from shared.domain.errors import PlatformError
from shared.ports import access, ledger, repositories, sign_in, work
from shared.ports import store as ports

_REPOSITORIES: Final = {
    "projects": "SqlProjects",
    "services": "SqlServices",
    "deployments": "SqlDeployments",
    "steps": "SqlSteps",
    "releases": "SqlReleases",
    "instances": "SqlInstances",
    "variables": "SqlVariables",
    "routes": "SqlRoutes",
    "resources": "SqlResources",
    "leases": "SqlLeases",
    "jobs": "SqlJobs",
    "agents": "SqlAgents",
    "registrations": "SqlRegistrations",
    "tokens": "SqlTokens",
    "canvases": "SqlCanvases",
    "members": "SqlMembers",
    "grants": "SqlGrants",
    "connections": "SqlConnections",
    "sources": "SqlSources",
    "hooks": "SqlHooks",
    "authorizations": "SqlAuthorizations",
    "listings": "SqlListings",
    "deliveries": "SqlDeliveries",
    "reports": "SqlReports",
    "previews": "SqlPreviews",
}
"""Module → its class. Most transactions use two or three of them."""


@cache
def _repository(name: str) -> Callable[[Transaction], Any]:
    """Imported when it is first asked for: a function on Lambda pays for what it uses."""
    module = import_module(f"shared.adapters.postgres.{name}")
    found: Callable[[Transaction], Any] = getattr(module, _REPOSITORIES[name])
    return found


class SqlUnitOfWork:
    """Serves one thread at a time; the engine behind it serves all.

    `log_bytes` is how much text the log of one deployment keeps. With an `act` the first
    transaction that changes something also writes that act into the audit log. `single` is for
    one statement, which commits by itself: there is no transaction around it.
    """

    projects: ports.Projects
    services: ports.Services
    deployments: ports.Deployments
    steps: ledger.Steps
    logs: ledger.Logs
    releases: ports.Releases
    instances: ports.Instances
    variables: ports.Variables
    routes: ports.Routes
    resources: ports.Resources
    leases: ports.Leases
    jobs: work.Jobs
    agents: work.Agents
    registrations: work.Registrations
    tokens: access.Tokens
    audit: access.Audit
    canvases: access.Canvases
    members: sign_in.Members
    grants: sign_in.Grants
    connections: repositories.Connections
    sources: repositories.Sources
    hooks: repositories.Hooks
    authorizations: repositories.Authorizations
    listings: repositories.Listings
    deliveries: repositories.Deliveries
    reports: repositories.Reports
    previews: repositories.Previews

    def __init__(
        self,
        engine: Engine,
        *,
        log_bytes: int = LOG_BYTES,
        act: Act | None = None,
        single: bool = False,
    ) -> None:
        self._engine = engine
        self._single = single
        self._act = act
        self._log_bytes = log_bytes
        self._connection: Connection | None = None
        self._transaction: Transaction | None = None

    def __enter__(self) -> Self:
        if self._connection is not None:
            raise RuntimeError("a transaction is open already")
        with translated():
            self._connection = self._engine.connect()
            if self._single:
                self._connection.execution_options(isolation_level="AUTOCOMMIT")
        self._transaction = Transaction(self._connection)
        for name in _REPOSITORIES:
            self.__dict__.pop(name, None)
        self.logs = SqlLogs(self._transaction, self._log_bytes)
        self.audit = SqlAudit(self._transaction, self._act)
        return self

    def __getattr__(self, name: str) -> Any:
        """A repository of the open transaction, made when it is first asked for."""
        made = self.__dict__.get("_transaction")
        if made is None or name not in _REPOSITORIES:
            raise AttributeError(f"{name}: no such repository, or no transaction is open")
        found = self.__dict__[name] = _repository(name)(made)
        return found

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        transaction, self._transaction = self._transaction, None
        if connection is None or transaction is None:
            raise RuntimeError("no transaction is open")
        if kind is None:
            with translated(), connection:
                event = write_act(transaction, self._act)
                connection.commit()
            if self._act is not None and event:
                self._act.recorded = True
        else:
            # a lost connection has rolled back by itself: the first error is the one that counts
            with suppress(PlatformError), translated(), connection:
                connection.rollback()

    def unrecorded(self) -> "SqlUnitOfWork":
        return SqlUnitOfWork(self._engine, log_bytes=self._log_bytes)

    def notify(self, channel: str, payload: str) -> None:
        if self._transaction is None:
            raise RuntimeError("no transaction is open")
        if self._transaction.dialect == "postgresql":
            self._transaction.execute(select(func.pg_notify(channel, payload)))

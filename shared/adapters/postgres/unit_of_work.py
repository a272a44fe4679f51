"""One transaction on the database, and the repositories inside it."""

from contextlib import suppress
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, Engine, func, select

from shared.adapters.postgres.agents import SqlAgents
from shared.adapters.postgres.audit import SqlAudit, write_act
from shared.adapters.postgres.authorizations import SqlAuthorizations
from shared.adapters.postgres.canvases import SqlCanvases
from shared.adapters.postgres.connections import SqlConnections
from shared.adapters.postgres.deliveries import SqlDeliveries
from shared.adapters.postgres.deployments import SqlDeployments
from shared.adapters.postgres.errors import translated
from shared.adapters.postgres.grants import SqlGrants
from shared.adapters.postgres.hooks import SqlHooks
from shared.adapters.postgres.instances import SqlInstances
from shared.adapters.postgres.jobs import SqlJobs
from shared.adapters.postgres.leases import SqlLeases
from shared.adapters.postgres.listings import SqlListings
from shared.adapters.postgres.logs import LOG_BYTES, SqlLogs
from shared.adapters.postgres.members import SqlMembers
from shared.adapters.postgres.previews import SqlPreviews
from shared.adapters.postgres.projects import SqlProjects
from shared.adapters.postgres.releases import SqlReleases
from shared.adapters.postgres.reports import SqlReports
from shared.adapters.postgres.resources import SqlResources
from shared.adapters.postgres.routes import SqlRoutes
from shared.adapters.postgres.services import SqlServices
from shared.adapters.postgres.sources import SqlSources
from shared.adapters.postgres.steps import SqlSteps
from shared.adapters.postgres.tokens import SqlTokens
from shared.adapters.postgres.transaction import Transaction
from shared.adapters.postgres.variables import SqlVariables
from shared.domain.audit import Act
from shared.domain.errors import PlatformError
from shared.ports import access, ledger, repositories, sign_in, work
from shared.ports import store as ports


class SqlUnitOfWork:
    """Serves one thread at a time; the engine behind it serves all.

    `log_bytes` is how much text the log of one deployment keeps. With an `act` the first
    transaction that changes something also writes that act into the audit log.
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
        self, engine: Engine, *, log_bytes: int = LOG_BYTES, act: Act | None = None
    ) -> None:
        self._engine = engine
        self._act = act
        self._log_bytes = log_bytes
        self._connection: Connection | None = None
        self._transaction: Transaction | None = None

    def __enter__(self) -> Self:
        if self._connection is not None:
            raise RuntimeError("a transaction is open already")
        with translated():
            self._connection = self._engine.connect()
        self._transaction = Transaction(self._connection)
        self._fill(self._transaction)
        return self

    def _fill(self, transaction: Transaction) -> None:
        self.projects = SqlProjects(transaction)
        self.services = SqlServices(transaction)
        self.deployments = SqlDeployments(transaction)
        self.steps = SqlSteps(transaction)
        self.logs = SqlLogs(transaction, self._log_bytes)
        self.releases = SqlReleases(transaction)
        self.instances = SqlInstances(transaction)
        self.variables = SqlVariables(transaction)
        self.routes = SqlRoutes(transaction)
        self.resources = SqlResources(transaction)
        self.leases = SqlLeases(transaction)
        self.jobs = SqlJobs(transaction)
        self.agents = SqlAgents(transaction)
        self.tokens = SqlTokens(transaction)
        self.audit = SqlAudit(transaction, self._act)
        self.canvases = SqlCanvases(transaction)
        self.members = SqlMembers(transaction)
        self.grants = SqlGrants(transaction)
        self.connections = SqlConnections(transaction)
        self.sources = SqlSources(transaction)
        self.hooks = SqlHooks(transaction)
        self.authorizations = SqlAuthorizations(transaction)
        self.listings = SqlListings(transaction)
        self.deliveries = SqlDeliveries(transaction)
        self.reports = SqlReports(transaction)
        self.previews = SqlPreviews(transaction)

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

"""A store in memory with the behaviour of the real one: see the contract suite."""

import threading
from types import TracebackType
from typing import Any, Self

from shared.domain.audit import Act
from shared.ports import access, ledger, repositories, sign_in, work
from shared.ports import store as ports
from tests.fakes.store_access import FakeAudit, FakeCanvases, FakeTokens
from tests.fakes.store_connecting import FakeAuthorizations, FakeListings
from tests.fakes.store_entities import (
    FakeDeployments,
    FakeProjects,
    FakeServices,
    FakeSteps,
)
from tests.fakes.store_git import (
    FakeConnections,
    FakeDeliveries,
    FakeHooks,
    FakeSources,
)
from tests.fakes.store_outbox import FakePreviews, FakeReports
from tests.fakes.store_outside import FakeResources, FakeRoutes, FakeVariables
from tests.fakes.store_releases import FakeInstances, FakeReleases
from tests.fakes.store_rows import Rows
from tests.fakes.store_sign_in import FakeGrants, FakeMembers
from tests.fakes.store_work import (
    FakeAgents,
    FakeJobs,
    FakeLeases,
    FakeLogs,
    FakeRegistrations,
)


class FakeStore:
    """A UnitOfWork that rolls back on an exception.

    Transactions of different threads take turns. `commits` counts those that ended well and
    `notified` holds what they announced, as (channel, payload). `acting` tells on whose behalf the
    next transactions run.
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

    def __init__(self) -> None:
        rows = self._rows = Rows()
        self.projects = FakeProjects(rows)
        self.services = FakeServices(rows)
        self.deployments = FakeDeployments(rows)
        self.steps = FakeSteps(rows)
        self.logs = FakeLogs(rows)
        self.releases = FakeReleases(rows)
        self.instances = FakeInstances(rows)
        self.variables = FakeVariables(rows)
        self.routes = FakeRoutes(rows)
        self.resources = FakeResources(rows)
        self.leases = FakeLeases(rows)
        self.jobs = FakeJobs(rows)
        self.agents = FakeAgents(rows)
        self.registrations = FakeRegistrations(rows)
        self.tokens = FakeTokens(rows)
        self.audit = self._audit = FakeAudit(rows)
        self.canvases = FakeCanvases(rows)
        self.members = FakeMembers(rows)
        self.grants = FakeGrants(rows)
        self.connections = FakeConnections(rows)
        self.sources = FakeSources(rows)
        self.hooks = FakeHooks(rows)
        self.authorizations = FakeAuthorizations(rows)
        self.listings = FakeListings(rows)
        self.deliveries = FakeDeliveries(rows)
        self.reports = FakeReports(rows)
        self.previews = FakePreviews(rows)
        self.commits = 0
        self.notified: list[tuple[str, str]] = []
        self._turn = threading.Lock()
        self._owner: int | None = None
        self._pending: list[tuple[str, str]] = []

    def acting(self, act: Act | None) -> Self:
        """The same store, whose next change is written into the audit log as `act`."""
        self._audit.act = act
        return self

    def silence(self) -> Act | None:
        """Record nothing until `acting` is called again; on whose behalf it was."""
        act, self._audit.act = self._audit.act, None
        return act

    def __enter__(self) -> Self:
        if self._owner == threading.get_ident():
            raise RuntimeError("a transaction is open already")
        if not self._turn.acquire(timeout=10):
            raise TimeoutError("another transaction did not end within 10 s")
        self._owner = threading.get_ident()
        self._pending = []
        self._rows.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._audit.write(changed=self._rows.changed)
                self._rows.commit()
                self.commits += 1
                self.notified += self._pending
            else:
                self._rows.rollback()
        finally:
            self._owner = None
            self._turn.release()

    def unrecorded(self) -> "Unrecorded":
        return Unrecorded(self)

    def notify(self, channel: str, payload: str) -> None:
        self._pending.append((channel, payload))

    def no_transaction(self) -> None:
        """Fails inside a transaction: a call out there would hold it, and its connection, up."""
        if self._owner == threading.get_ident():
            raise AssertionError("the outside is called while a transaction is open")


class Unrecorded:
    """The same rows, and an audit log that sees nothing."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self._act: Act | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __enter__(self) -> FakeStore:
        self._store.__enter__()
        self._act = self._store.silence()
        return self._store

    def __exit__(self, *error: Any) -> None:
        try:
            self._store.__exit__(*error)
        finally:
            self._store.acting(self._act)

"""Rows in memory, with what a database does for them: keys, parents, rollback."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar
from uuid import UUID

from shared.domain.access import ApiToken
from shared.domain.agents import Registration
from shared.domain.audit import AuditEvent
from shared.domain.canvas import Canvas
from shared.domain.deployments import Deployment, Step
from shared.domain.errors import NotFound
from shared.domain.git import (
    CommitReport,
    GitAuthorization,
    GitConnection,
    GitHook,
    GitListing,
    GitSource,
)
from shared.domain.jobs import Agent, Job
from shared.domain.leases import Lease, Waiter
from shared.domain.logs import LogLine
from shared.domain.previews import Preview
from shared.domain.projects import Project
from shared.domain.releases import Instance, Release
from shared.domain.resources import Resource
from shared.domain.routes import Route
from shared.domain.services import Service
from shared.domain.sign_in import Grant, Member
from shared.domain.variables import EnvVersion, Variable
from shared.domain.webhooks import Delivery

K = TypeVar("K")
V = TypeVar("V")
Key = tuple[UUID, UUID]


@dataclass
class Tables:
    projects: dict[Key, Project] = field(default_factory=dict)
    services: dict[Key, Service] = field(default_factory=dict)
    deployments: dict[Key, Deployment] = field(default_factory=dict)
    steps: dict[tuple[UUID, UUID, int, str], Step] = field(default_factory=dict)
    log_lines: dict[Key, tuple[LogLine, ...]] = field(default_factory=dict)
    log_chunks: dict[tuple[UUID, UUID, str, int], bool] = field(default_factory=dict)
    releases: dict[Key, Release] = field(default_factory=dict)
    instances: dict[Key, Instance] = field(default_factory=dict)
    variables: dict[tuple[UUID, UUID, str, int], Variable] = field(default_factory=dict)
    env_versions: dict[tuple[UUID, UUID, int], EnvVersion] = field(default_factory=dict)
    routes: dict[Key, Route] = field(default_factory=dict)
    resources: dict[Key, Resource] = field(default_factory=dict)
    leases: dict[Key, Lease] = field(default_factory=dict)
    waiters: dict[tuple[UUID, UUID, UUID], Waiter] = field(default_factory=dict)
    jobs: dict[UUID, Job] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    registrations: dict[UUID, Registration] = field(default_factory=dict)
    tokens: dict[Key, ApiToken] = field(default_factory=dict)
    audit: dict[Key, AuditEvent] = field(default_factory=dict)
    canvases: dict[Key, Canvas] = field(default_factory=dict)
    members: dict[Key, Member] = field(default_factory=dict)
    grants: dict[Key, Grant] = field(default_factory=dict)
    connections: dict[Key, GitConnection] = field(default_factory=dict)
    sources: dict[Key, GitSource] = field(default_factory=dict)
    hooks: dict[Key, GitHook] = field(default_factory=dict)
    authorizations: dict[Key, GitAuthorization] = field(default_factory=dict)
    listings: dict[Key, GitListing] = field(default_factory=dict)
    deliveries: dict[Key, Delivery] = field(default_factory=dict)
    reports: dict[Key, CommitReport] = field(default_factory=dict)
    previews: dict[Key, Preview] = field(default_factory=dict)
    last_ordinal: int = 0


class Rows:
    """The tables of the open transaction; outside of one there are none."""

    def __init__(self) -> None:
        self._committed = Tables()
        self._open: Tables | None = None

    def begin(self) -> None:
        copies: dict[str, Any] = {}
        for table in fields(Tables):
            rows = getattr(self._committed, table.name)
            copies[table.name] = dict(rows) if isinstance(rows, dict) else rows
        self._open = Tables(**copies)

    def commit(self) -> None:
        self._committed = self.tables
        self._open = None

    def rollback(self) -> None:
        self._open = None

    def remove_service(self, organization_id: UUID, service_id: UUID) -> None:
        """What the cascades of the foreign keys do."""
        tables = self.tables
        owner = (organization_id, service_id)
        gone = {k for k, d in tables.deployments.items() if (k[0], d.service_id) == owner}
        drop(tables.deployments, gone)
        drop(tables.releases, [k for k, r in tables.releases.items() if r.service_id == service_id])
        drop(
            tables.instances, [k for k, i in tables.instances.items() if i.service_id == service_id]
        )
        drop(tables.jobs, [k for k, j in tables.jobs.items() if j.service_id == service_id])
        drop(tables.steps, [k for k in tables.steps if k[:2] in gone])
        drop(tables.log_lines, [k for k in tables.log_lines if k in gone])
        drop(tables.log_chunks, [k for k in tables.log_chunks if k[:2] in gone])
        drop(tables.variables, [k for k in tables.variables if k[:2] == owner])
        drop(tables.env_versions, [k for k in tables.env_versions if k[:2] == owner])
        drop(tables.waiters, [k for k in tables.waiters if k[:2] == owner])
        drop(tables.previews, [k for k, p in tables.previews.items() if p.service_id == service_id])
        drop(tables.reports, [k for k in tables.reports if k in gone])
        for rows in (tables.services, tables.routes, tables.leases, tables.sources):
            rows.pop(owner, None)

    @property
    def changed(self) -> bool:
        """Whether the open transaction has changed anything."""
        return self.tables != self._committed

    @property
    def tables(self) -> Tables:
        if self._open is None:
            raise RuntimeError("no transaction is open: use the store in a `with` block")
        return self._open


def require(rows: dict[K, V], key: K) -> V:
    """The row of that key. Raises NotFound."""
    try:
        return rows[key]
    except KeyError:
        raise NotFound("there is no such thing in this organisation") from None


def drop(rows: dict[K, V], keys: Iterable[K]) -> None:
    for key in keys:
        del rows[key]

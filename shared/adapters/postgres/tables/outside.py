"""Tables of what exists outside: routes, and the resources of the saga."""

from sqlalchemy import BigInteger, Column, Index, Integer, String

from shared.adapters.postgres.column_types import Choice, Document, Id, Instant, Names, Prose
from shared.adapters.postgres.tables.parts import (
    identity,
    organization,
    parent,
    required,
    some,
    table,
)
from shared.domain.resources import ResourceKind, ResourceState

routes = table(
    "routes",
    organization(),
    identity("service_id"),
    required("hosts", Names),
    Column("target", String(255)),
    Column("previous_target", String(255)),
    required("generation", BigInteger),
    required("updated_at", Instant),
    parent("routes", "services", "service_id"),
)

# a host name leads to one service of the whole platform, whoever asks first
route_hosts = table(
    "route_hosts",
    Column("host", String(253), primary_key=True),
    required("organization_id", Id),
    required("service_id", Id),
    parent("route_hosts", "routes", "service_id", "service_id"),
    Index("ix_route_hosts_service", "organization_id", "service_id"),
)

# a resource outlives what it belonged to, or nobody would know what is left: no foreign keys
resources = table(
    "resources",
    organization(),
    identity(),
    required("kind", Choice(ResourceKind)),
    required("state", Choice(ResourceState)),
    Column("project_id", Id),
    Column("service_id", Id),
    Column("deployment_id", Id),
    Column("provider_id", String(255)),
    Column("detail", Document),
    Column("reason", Prose),
    required("tries", Integer),
    required("created_at", Instant),
    required("updated_at", Instant),
    Index("ix_resources_created", "organization_id", "created_at", "id"),
    Index("ix_resources_service", "organization_id", "service_id", "created_at"),
    Index("ix_resources_deployment", "organization_id", "deployment_id", "created_at"),
    some("ix_resources_present", "created_at", "id", where="state <> 'removed'"),
)

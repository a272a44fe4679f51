"""Tables of what users set up: projects, services and their variables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    UniqueConstraint,
)

from shared.adapters.postgres.column_types import Choice, Id, Instant, Names, Prose, Record
from shared.adapters.postgres.tables.parts import identity, organization, parent, required, table
from shared.domain.services import (
    BuildOptions,
    HealthCheck,
    Limits,
    OverlapPolicy,
    RunOptions,
    ServiceState,
    Source,
)
from shared.domain.variables import Availability

counters = table(
    "counters",
    Column("name", String(32), primary_key=True),
    required("value", BigInteger),
)

projects = table(
    "projects",
    organization(),
    identity(),
    required("name", String(255)),
    required("slug", String(63)),
    required("description", Prose),
    required("deleting", Boolean),
    required("version", Integer),
    required("created_at", Instant),
    required("updated_at", Instant),
    UniqueConstraint("organization_id", "slug", name="uq_projects_slug"),
    Index("ix_projects_created", "organization_id", "created_at", "id"),
)

# `live_release_id` and its like point at a row's own children, which go with it: no foreign key.
# Nor has `preview_of` one: a preview is taken down before its row goes, whoever goes first.
services = table(
    "services",
    organization(),
    identity(),
    required("project_id", Id),
    required("name", String(255)),
    required("slug", String(63)),
    required("ordinal", Integer),
    required("state", Choice(ServiceState)),
    Column("state_reason", Prose),
    Column("source", Record(Source)),
    required("build", Record(BuildOptions)),
    required("run", Record(RunOptions)),
    required("health", Record(HealthCheck)),
    required("limits", Record(Limits)),
    required("overlap", Choice(OverlapPolicy)),
    required("autodeploy", Boolean),
    required("deletion_protection", Boolean),
    required("env_version", Integer),
    required("next_number", Integer),
    Column("live_release_id", Id),
    Column("preview_of", Id),
    required("version", Integer),
    required("created_at", Instant),
    required("updated_at", Instant),
    parent("services", "projects", "project_id"),
    UniqueConstraint("organization_id", "project_id", "slug", name="uq_services_slug"),
    UniqueConstraint("ordinal", name="uq_services_ordinal"),
    Index("ix_services_created", "organization_id", "project_id", "created_at", "id"),
)

env_vars = table(
    "env_vars",
    organization(),
    identity("service_id"),
    Column("key", String(128), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    required("secret", Boolean),
    required("available", Choice(Availability)),
    required("sealed", Prose),
    required("author", String(255)),
    Column("removed_in", Integer),
    required("created_at", Instant),
    required("write_only", Boolean),
    required("refers_to", Names),
    parent("env_vars", "services", "service_id"),
)

env_versions = table(
    "env_versions",
    organization(),
    identity("service_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    required("author", String(255)),
    required("created_at", Instant),
    Column("restored_from", Integer),
    parent("env_versions", "services", "service_id"),
)

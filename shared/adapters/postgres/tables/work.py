"""Tables of work in progress: leases and their line, jobs, agents."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, UniqueConstraint

from shared.adapters.postgres.column_types import Choice, Document, Id, Instant, Names, Prose
from shared.adapters.postgres.tables.parts import (
    identity,
    organization,
    parent,
    required,
    some,
    table,
)
from shared.domain.jobs import JobKind, JobState

leases = table(
    "leases",
    organization(),
    identity("service_id"),
    required("number", BigInteger),
    Column("holder", Id),
    Column("acquired_at", Instant),
    parent("leases", "services", "service_id"),
)

lease_waiters = table(
    "lease_waiters",
    organization(),
    identity("service_id"),
    identity("deployment_id"),
    required("deployment_number", Integer),
    required("attempt", Integer),
    required("sealed_token", Prose),
    required("created_at", Instant),
    parent("lease_waiters", "services", "service_id"),
    parent("lease_waiters", "deployments", "deployment_id"),
    Index("ix_lease_waiters_deployment", "organization_id", "deployment_id"),
)

# agents know a job by its id alone: that is unique on the whole platform
jobs = table(
    "jobs",
    identity(),
    required("organization_id", Id),
    Column("deployment_id", Id),
    Column("service_id", Id),
    required("key", String(255)),
    required("kind", Choice(JobKind)),
    required("step", String(128)),
    required("attempt", Integer),
    required("state", Choice(JobState)),
    required("spec", Document),
    Column("sealed_token", Prose),
    required("heartbeat_limit_seconds", Integer),
    Column("agent", String(255)),
    Column("token_hash", String(128)),
    Column("claimed_at", Instant),
    Column("heartbeat_at", Instant),
    Column("ended_at", Instant),
    required("cancel_requested", Boolean),
    Column("correlation_id", String(128)),
    Column("output", Document),
    Column("error", String(255)),
    Column("reason", Prose),
    Column("sealed_values", Prose),
    required("created_at", Instant),
    parent("jobs", "deployments", "deployment_id"),
    parent("jobs", "services", "service_id"),
    UniqueConstraint("organization_id", "key", name="uq_jobs_key"),
    Index("ix_jobs_deployment", "organization_id", "deployment_id", "created_at"),
    Index("ix_jobs_service", "organization_id", "service_id"),
    some("ix_jobs_queued", "created_at", "id", where="state = 'queued'"),
    some("ix_jobs_running", "organization_id", "service_id", where="state = 'running'"),
)

agents = table(
    "agents",
    Column("name", String(255), primary_key=True),
    required("roles", Names),
    required("version", String(64)),
    required("capacity", Integer),
    required("running", Integer),
    Column("facts", Document),
    required("last_seen_at", Instant),
    Column("token_id", Id),
)

agent_tokens = table(
    "agent_tokens",
    identity(),
    required("name", String(255)),
    required("hint", String(16)),
    required("token_hash", String(64)),
    required("roles", Names),
    required("organizations", Names),
    required("created_by", String(255)),
    required("created_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    UniqueConstraint("token_hash", name="uq_agent_tokens_hash"),
)

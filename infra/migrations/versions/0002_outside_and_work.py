"""What exists outside: routes, resources. Work in progress: leases and their line, jobs, agents."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import DOCUMENT, ID, INSTANT, PROSE, index, parent, table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _outside()
    _work()


def _outside() -> None:
    table(
        "routes",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("hosts", DOCUMENT, nullable=False),
        sa.Column("target", sa.String(255), nullable=True),
        sa.Column("previous_target", sa.String(255), nullable=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "service_id", name="pk_routes"),
        parent("routes", "services", "service_id"),
    )
    table(
        "route_hosts",
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("host", name="pk_route_hosts"),
        parent("route_hosts", "routes", "service_id", "service_id"),
    )
    index("ix_route_hosts_service", "route_hosts", ["organization_id", "service_id"])
    table(
        "resources",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("project_id", ID, nullable=True),
        sa.Column("service_id", ID, nullable=True),
        sa.Column("deployment_id", ID, nullable=True),
        sa.Column("provider_id", sa.String(255), nullable=True),
        sa.Column("detail", DOCUMENT, nullable=True),
        sa.Column("reason", PROSE, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_resources"),
    )
    index("ix_resources_created", "resources", ["organization_id", "created_at", "id"])
    index(
        "ix_resources_deployment", "resources", ["organization_id", "deployment_id", "created_at"]
    )
    index("ix_resources_present", "resources", ["created_at", "id"], where="state <> 'removed'")
    index("ix_resources_service", "resources", ["organization_id", "service_id", "created_at"])


def _work() -> None:
    table(
        "leases",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("holder", ID, nullable=True),
        sa.Column("acquired_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "service_id", name="pk_leases"),
        parent("leases", "services", "service_id"),
    )
    table(
        "lease_waiters",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("deployment_number", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("sealed_token", PROSE, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "service_id", "deployment_id", name="pk_lease_waiters"
        ),
        parent("lease_waiters", "deployments", "deployment_id"),
        parent("lease_waiters", "services", "service_id"),
    )
    index("ix_lease_waiters_deployment", "lease_waiters", ["organization_id", "deployment_id"])
    table(
        "jobs",
        sa.Column("id", ID, nullable=False),
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=True),
        sa.Column("service_id", ID, nullable=True),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("step", sa.String(128), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("spec", DOCUMENT, nullable=False),
        sa.Column("sealed_token", PROSE, nullable=True),
        sa.Column("heartbeat_limit_seconds", sa.Integer(), nullable=False),
        sa.Column("agent", sa.String(255), nullable=True),
        sa.Column("token_hash", sa.String(128), nullable=True),
        sa.Column("claimed_at", INSTANT, nullable=True),
        sa.Column("heartbeat_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("output", DOCUMENT, nullable=True),
        sa.Column("error", sa.String(255), nullable=True),
        sa.Column("reason", PROSE, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
        parent("jobs", "deployments", "deployment_id"),
        parent("jobs", "services", "service_id"),
        sa.UniqueConstraint("organization_id", "key", name="uq_jobs_key"),
    )
    index("ix_jobs_deployment", "jobs", ["organization_id", "deployment_id", "created_at"])
    index("ix_jobs_queued", "jobs", ["created_at", "id"], where="state = 'queued'")
    index("ix_jobs_running", "jobs", ["organization_id", "service_id"], where="state = 'running'")
    index("ix_jobs_service", "jobs", ["organization_id", "service_id"])
    table(
        "agents",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("roles", DOCUMENT, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("running", sa.Integer(), nullable=False),
        sa.Column("facts", DOCUMENT, nullable=True),
        sa.Column("last_seen_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_agents"),
    )


def downgrade() -> None:
    for name in (
        "agents",
        "jobs",
        "lease_waiters",
        "leases",
        "resources",
        "route_hosts",
        "routes",
    ):
        op.drop_table(name)

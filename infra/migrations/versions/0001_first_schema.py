"""Projects, services and variables; deployments, releases and instances; logs."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import DOCUMENT, ID, INSTANT, PROSE, index, parent, table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _catalogue()
    _deliveries()
    _logs()


def _catalogue() -> None:
    table(
        "counters",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    table(
        "projects",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("description", PROSE, nullable=False),
        sa.Column("deleting", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_projects"),
        sa.UniqueConstraint("organization_id", "slug", name="uq_projects_slug"),
    )
    index("ix_projects_created", "projects", ["organization_id", "created_at", "id"])
    table(
        "services",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("state_reason", PROSE, nullable=True),
        sa.Column("source", DOCUMENT, nullable=True),
        sa.Column("build", DOCUMENT, nullable=False),
        sa.Column("run", DOCUMENT, nullable=False),
        sa.Column("health", DOCUMENT, nullable=False),
        sa.Column("limits", DOCUMENT, nullable=False),
        sa.Column("overlap", sa.String(32), nullable=False),
        sa.Column("autodeploy", sa.Boolean(), nullable=False),
        sa.Column("deletion_protection", sa.Boolean(), nullable=False),
        sa.Column("env_version", sa.Integer(), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("live_release_id", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_services"),
        parent("services", "projects", "project_id"),
        sa.UniqueConstraint("ordinal", name="uq_services_ordinal"),
        sa.UniqueConstraint("organization_id", "project_id", "slug", name="uq_services_slug"),
    )
    index("ix_services_created", "services", ["organization_id", "project_id", "created_at", "id"])
    table(
        "env_vars",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("secret", sa.Boolean(), nullable=False),
        sa.Column("available", sa.String(32), nullable=False),
        sa.Column("sealed", PROSE, nullable=False),
        sa.Column("author", sa.String(255), nullable=False),
        sa.Column("removed_in", sa.Integer(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "service_id", "key", "version", name="pk_env_vars"
        ),
        parent("env_vars", "services", "service_id"),
    )


def _deliveries() -> None:
    table(
        "deployments",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("trigger", sa.String(32), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("entry", sa.String(32), nullable=False),
        sa.Column("ref", sa.String(255), nullable=True),
        sa.Column("sha", sa.String(64), nullable=True),
        sa.Column("image", sa.Text(), nullable=True),
        sa.Column("no_cache", sa.Boolean(), nullable=False),
        sa.Column("commit_message", PROSE, nullable=True),
        sa.Column("commit_author", PROSE, nullable=True),
        sa.Column("release_id", ID, nullable=True),
        sa.Column("rollback_of", ID, nullable=True),
        sa.Column("lease_number", sa.BigInteger(), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("reason", PROSE, nullable=True),
        sa.Column("error", sa.String(255), nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_deployments"),
        parent("deployments", "projects", "project_id"),
        parent("deployments", "services", "service_id"),
        sa.UniqueConstraint(
            "organization_id", "service_id", "number", name="uq_deployments_number"
        ),
    )
    index(
        "ix_deployments_created",
        "deployments",
        ["organization_id", "service_id", "created_at", "id"],
    )
    index("ix_deployments_project", "deployments", ["organization_id", "project_id"])
    index(
        "ix_deployments_unfinished",
        "deployments",
        ["organization_id", "service_id", "number"],
        where="state IN ('queued', 'waiting', 'building', 'releasing')",
    )
    table(
        "deployment_steps",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(255), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("error", sa.String(255), nullable=True),
        sa.Column("reason", PROSE, nullable=True),
        sa.Column("detail", DOCUMENT, nullable=True),
        sa.PrimaryKeyConstraint(
            "organization_id", "deployment_id", "attempt", "name", name="pk_deployment_steps"
        ),
        parent("deployment_steps", "deployments", "deployment_id"),
    )
    table(
        "releases",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("image_tag", sa.Text(), nullable=True),
        sa.Column("env_version", sa.Integer(), nullable=False),
        sa.Column("run", DOCUMENT, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("sha", sa.String(64), nullable=True),
        sa.Column("image_size", sa.BigInteger(), nullable=False),
        sa.Column("image_removed", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_releases"),
        parent("releases", "deployments", "deployment_id"),
        parent("releases", "services", "service_id"),
        sa.UniqueConstraint("organization_id", "service_id", "number", name="uq_releases_number"),
    )
    index("ix_releases_deployment", "releases", ["organization_id", "deployment_id", "number"])
    table(
        "instances",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("release_id", ID, nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("occupied_slot", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("host_port", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("provider_id", sa.String(255), nullable=True),
        sa.Column("unrouted_at", INSTANT, nullable=True),
        sa.Column("restarts", sa.Integer(), nullable=False),
        sa.Column("restart_at", INSTANT, nullable=True),
        sa.Column("healthy", sa.Boolean(), nullable=True),
        sa.Column("health_reason", PROSE, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_instances"),
        parent("instances", "deployments", "deployment_id"),
        parent("instances", "projects", "project_id"),
        parent("instances", "releases", "release_id"),
        parent("instances", "services", "service_id"),
        sa.UniqueConstraint(
            "organization_id", "service_id", "occupied_slot", name="uq_instances_slot"
        ),
    )
    index("ix_instances_deployment", "instances", ["organization_id", "deployment_id"])
    index(
        "ix_instances_present", "instances", ["created_at", "id"], where="occupied_slot IS NOT NULL"
    )
    index("ix_instances_project", "instances", ["organization_id", "project_id"])
    index("ix_instances_release", "instances", ["organization_id", "release_id"])


def _logs() -> None:
    table(
        "log_heads",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False),
        sa.Column("kept_bytes", sa.BigInteger(), nullable=False),
        sa.Column("head_bytes", sa.BigInteger(), nullable=False),
        sa.Column("head_through", sa.BigInteger(), nullable=False),
        sa.Column("dropped_through", sa.BigInteger(), nullable=False),
        sa.Column("dropped_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "deployment_id", name="pk_log_heads"),
        parent("log_heads", "deployments", "deployment_id"),
    )
    table(
        "log_chunks",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("first_sequence", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.String(128), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("raw_bytes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(2**24 - 1), nullable=True),
        sa.PrimaryKeyConstraint(
            "organization_id", "deployment_id", "last_sequence", name="pk_log_chunks"
        ),
        parent("log_chunks", "log_heads", "deployment_id", "deployment_id"),
        sa.UniqueConstraint(
            "organization_id",
            "deployment_id",
            "source",
            "number",
            "part",
            name="uq_log_chunks_part",
        ),
    )


def downgrade() -> None:
    for name in (
        "log_chunks",
        "log_heads",
        "instances",
        "releases",
        "deployment_steps",
        "deployments",
        "env_vars",
        "services",
        "projects",
        "counters",
    ):
        op.drop_table(name)

"""Who may call and what was done; Git providers: connections, hooks, deliveries, previews."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import DOCUMENT, ID, INSTANT, PROSE, index, parent, table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _access()
    _connections()
    _connecting()
    _deliveries()
    op.add_column("services", sa.Column("preview_of", ID, nullable=True))


def _access() -> None:
    table(
        "api_tokens",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("scopes", DOCUMENT, nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_api_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_api_tokens_hash"),
    )
    index("ix_api_tokens_created", "api_tokens", ["organization_id", "created_at", "id"])
    table(
        "audit_events",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("actor_kind", sa.String(32), nullable=False),
        sa.Column("actor_id", sa.String(255), nullable=False),
        sa.Column("actor_name", sa.String(255), nullable=False),
        sa.Column("action", sa.String(128), nullable=False),
        sa.Column("resource_kind", sa.String(64), nullable=True),
        sa.Column("resource_id", sa.String(255), nullable=True),
        sa.Column("resource_name", PROSE, nullable=True),
        sa.Column("request_id", sa.String(128), nullable=True),
        sa.Column("address", sa.String(64), nullable=True),
        sa.Column("detail", DOCUMENT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_audit_events"),
    )
    index("ix_audit_events_actor", "audit_events", ["organization_id", "actor_id", "created_at"])
    index("ix_audit_events_created", "audit_events", ["organization_id", "created_at", "id"])
    index(
        "ix_audit_events_resource", "audit_events", ["organization_id", "resource_id", "created_at"]
    )
    table(
        "canvases",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("document", DOCUMENT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "project_id", name="pk_canvases"),
        parent("canvases", "projects", "project_id"),
    )


def _connections() -> None:
    table(
        "git_connections",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("base_url", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False),
        sa.Column("account_name", sa.String(255), nullable=False),
        sa.Column("connected_by", sa.String(255), nullable=False),
        sa.Column("sealed_access_token", PROSE, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("sealed_refresh_token", PROSE, nullable=True),
        sa.Column("token_expires_at", INSTANT, nullable=True),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("reason", PROSE, nullable=True),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_git_connections"),
        sa.UniqueConstraint(
            "organization_id",
            "provider",
            "base_url",
            "account_id",
            name="uq_git_connections_account",
        ),
    )
    index("ix_git_connections_created", "git_connections", ["organization_id", "created_at", "id"])
    table(
        "git_sources",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("repository_id", sa.String(64), nullable=False),
        sa.Column("full_name", sa.String(500), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("clone_url", PROSE, nullable=False),
        sa.Column("lost_reason", PROSE, nullable=True),
        sa.Column("checked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "service_id", name="pk_git_sources"),
        parent("git_sources", "services", "service_id"),
        parent("git_sources", "git_connections", "connection_id"),
    )
    index(
        "ix_git_sources_repository",
        "git_sources",
        ["organization_id", "connection_id", "repository_id"],
    )
    table(
        "git_hooks",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("repository_id", sa.String(64), nullable=False),
        sa.Column("full_name", sa.String(500), nullable=False),
        sa.Column("sealed_secret", PROSE, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("provider_hook_id", sa.String(128), nullable=True),
        sa.Column("registered_id", sa.String(128), nullable=True),
        sa.Column("sealed_previous_secret", PROSE, nullable=True),
        sa.Column("previous_until", INSTANT, nullable=True),
        sa.Column("swept_at", INSTANT, nullable=True),
        sa.Column("cursor", sa.String(255), nullable=True),
        sa.Column("lost_reason", PROSE, nullable=True),
        sa.Column("url", PROSE, nullable=False),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_git_hooks"),
        parent("git_hooks", "git_connections", "connection_id"),
        sa.UniqueConstraint(
            "organization_id", "connection_id", "repository_id", name="uq_git_hooks_repository"
        ),
    )
    index("ix_git_hooks_named", "git_hooks", ["provider", "provider_hook_id"])


def _connecting() -> None:
    table(
        "oauth_states",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("base_url", sa.String(255), nullable=False),
        sa.Column("state_hash", sa.String(64), nullable=False),
        sa.Column("sealed_verifier", PROSE, nullable=False),
        sa.Column("user_id", sa.String(255), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("browser_hash", sa.String(64), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("sealed_code", PROSE, nullable=True),
        sa.Column("confirm_hash", sa.String(64), nullable=True),
        sa.Column("confirm_tries", sa.Integer(), nullable=False),
        sa.Column("connection_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_oauth_states"),
        sa.UniqueConstraint("state_hash", name="uq_oauth_states_hash"),
    )
    index("ix_oauth_states_expires", "oauth_states", ["expires_at"])
    table(
        "git_listings",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("listed_at", INSTANT, nullable=False),
        sa.Column("repositories", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "connection_id", name="pk_git_listings"),
        parent("git_listings", "git_connections", "connection_id"),
    )


def _deliveries() -> None:
    table(
        "webhook_deliveries",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("hook_id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("provider", sa.String(32), nullable=False),
        sa.Column("delivery_id", sa.String(128), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("repository_id", sa.String(64), nullable=False),
        sa.Column("payload", DOCUMENT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("queued_at", INSTANT, nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("dead", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.String(32), nullable=True),
        sa.Column("reason", PROSE, nullable=True),
        sa.Column("decided_at", INSTANT, nullable=True),
        sa.Column("deployment_ids", DOCUMENT, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_webhook_deliveries"),
        parent("webhook_deliveries", "git_hooks", "hook_id"),
        sa.UniqueConstraint(
            "organization_id", "hook_id", "delivery_id", name="uq_webhook_deliveries_id"
        ),
    )
    index(
        "ix_webhook_deliveries_created",
        "webhook_deliveries",
        ["organization_id", "created_at", "id"],
    )
    index(
        "ix_webhook_deliveries_open",
        "webhook_deliveries",
        ["created_at", "id"],
        where="verdict IS NULL",
    )
    table(
        "commit_reports",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("deployment_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("repository_id", sa.String(64), nullable=False),
        sa.Column("full_name", sa.String(500), nullable=False),
        sa.Column("sha", sa.String(64), nullable=False),
        sa.Column("environment", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=False),
        sa.Column("reported_state", sa.String(32), nullable=True),
        sa.Column("reported_at", INSTANT, nullable=True),
        sa.Column("deployment_ref", sa.String(128), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", PROSE, nullable=True),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "deployment_id", name="pk_commit_reports"),
        parent("commit_reports", "deployments", "deployment_id"),
        parent("commit_reports", "git_connections", "connection_id"),
    )
    index("ix_commit_reports_connection", "commit_reports", ["organization_id", "connection_id"])
    index("ix_commit_reports_commit", "commit_reports", ["organization_id", "service_id", "sha"])
    index("ix_commit_reports_due", "commit_reports", ["next_try_at"], where="NOT done")
    table(
        "previews",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("repository_id", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("open_number", sa.Integer(), nullable=True),
        sa.Column("title", PROSE, nullable=False),
        sa.Column("branch", sa.String(255), nullable=False),
        sa.Column("sha", sa.String(64), nullable=False),
        sa.Column("author", sa.String(255), nullable=False),
        sa.Column("from_fork", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("next_try_at", INSTANT, nullable=False),
        sa.Column("preview_service_id", ID, nullable=True),
        sa.Column("comment_ref", sa.String(128), nullable=True),
        sa.Column("approved_by", sa.String(255), nullable=True),
        sa.Column("reason", PROSE, nullable=True),
        sa.Column("commented", sa.String(255), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("error", PROSE, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_previews"),
        parent("previews", "services", "service_id"),
        sa.UniqueConstraint(
            "organization_id", "service_id", "open_number", name="uq_previews_open"
        ),
    )
    index("ix_previews_created", "previews", ["organization_id", "service_id", "created_at", "id"])
    index("ix_previews_open", "previews", ["expires_at"], where="open_number IS NOT NULL")


def downgrade() -> None:
    op.drop_column("services", "preview_of")
    for name in (
        "previews",
        "commit_reports",
        "webhook_deliveries",
        "git_listings",
        "oauth_states",
        "git_hooks",
        "git_sources",
        "git_connections",
        "canvases",
        "audit_events",
        "api_tokens",
    ):
        op.drop_table(name)

"""Tables of Git providers: connections, hooks, deliveries, reports, previews."""

from sqlalchemy import Boolean, Column, Index, Integer, String, UniqueConstraint

from shared.adapters.postgres.column_types import Choice, Document, Id, Instant, Names, Prose
from shared.adapters.postgres.tables.parts import (
    identity,
    organization,
    parent,
    required,
    some,
    table,
)
from shared.domain.git import ConnectionState, Provider
from shared.domain.previews import PreviewState
from shared.domain.webhooks import Verdict

git_connections = table(
    "git_connections",
    organization(),
    identity(),
    required("provider", Choice(Provider)),
    required("base_url", String(255)),
    required("account_id", String(64)),
    required("account_name", String(255)),
    required("connected_by", String(255)),
    required("sealed_access_token", Prose),
    required("created_at", Instant),
    required("updated_at", Instant),
    Column("sealed_refresh_token", Prose),
    Column("token_expires_at", Instant),
    required("state", Choice(ConnectionState)),
    Column("reason", Prose),
    Column("checked_at", Instant),
    required("version", Integer),
    UniqueConstraint(
        "organization_id", "provider", "base_url", "account_id", name="uq_git_connections_account"
    ),
    Index("ix_git_connections_created", "organization_id", "created_at", "id"),
)

git_sources = table(
    "git_sources",
    organization(),
    identity("service_id"),
    required("connection_id", Id),
    required("repository_id", String(64)),
    required("full_name", String(500)),
    required("created_at", Instant),
    Column("lost_reason", Prose),
    Column("checked_at", Instant),
    parent("git_sources", "services", "service_id"),
    parent("git_sources", "git_connections", "connection_id"),
    Index("ix_git_sources_repository", "organization_id", "connection_id", "repository_id"),
)

git_hooks = table(
    "git_hooks",
    organization(),
    identity(),
    required("connection_id", Id),
    required("provider", Choice(Provider)),
    required("repository_id", String(64)),
    required("full_name", String(500)),
    required("sealed_secret", Prose),
    required("created_at", Instant),
    Column("provider_hook_id", String(128)),
    Column("registered_id", String(128)),
    Column("sealed_previous_secret", Prose),
    Column("previous_until", Instant),
    Column("swept_at", Instant),
    Column("cursor", String(255)),
    Column("lost_reason", Prose),
    parent("git_hooks", "git_connections", "connection_id"),
    UniqueConstraint(
        "organization_id", "connection_id", "repository_id", name="uq_git_hooks_repository"
    ),
    Index("ix_git_hooks_named", "provider", "provider_hook_id"),
)

webhook_deliveries = table(
    "webhook_deliveries",
    organization(),
    identity(),
    required("hook_id", Id),
    required("connection_id", Id),
    required("provider", Choice(Provider)),
    required("delivery_id", String(128)),
    required("event", String(64)),
    required("repository_id", String(64)),
    required("payload", Document),
    required("created_at", Instant),
    Column("queued_at", Instant),
    required("attempt", Integer),
    required("failures", Integer),
    required("dead", Boolean),
    Column("verdict", Choice(Verdict)),
    Column("reason", Prose),
    Column("decided_at", Instant),
    required("deployment_ids", Names),
    parent("webhook_deliveries", "git_hooks", "hook_id"),
    UniqueConstraint("organization_id", "hook_id", "delivery_id", name="uq_webhook_deliveries_id"),
    Index("ix_webhook_deliveries_created", "organization_id", "created_at", "id"),
    Index("ix_webhook_deliveries_hook", "organization_id", "hook_id", "created_at"),
    some("ix_webhook_deliveries_open", "created_at", "id", where="verdict IS NULL"),
)

commit_reports = table(
    "commit_reports",
    organization(),
    identity("deployment_id"),
    required("service_id", Id),
    required("connection_id", Id),
    required("repository_id", String(64)),
    required("full_name", String(500)),
    required("sha", String(64)),
    required("environment", String(255)),
    required("created_at", Instant),
    required("next_try_at", Instant),
    Column("reported_state", String(32)),
    Column("reported_at", Instant),
    Column("deployment_ref", String(128)),
    required("tries", Integer),
    Column("error", Prose),
    required("done", Boolean),
    parent("commit_reports", "deployments", "deployment_id"),
    parent("commit_reports", "git_connections", "connection_id"),
    Index("ix_commit_reports_connection", "organization_id", "connection_id"),
    Index("ix_commit_reports_commit", "organization_id", "service_id", "sha"),
    some("ix_commit_reports_due", "next_try_at", where="NOT done"),
)

# `open_number` is the request's number while the preview is not closed: it is unique then
previews = table(
    "previews",
    organization(),
    identity(),
    required("project_id", Id),
    required("service_id", Id),
    required("connection_id", Id),
    required("repository_id", String(64)),
    required("number", Integer),
    Column("open_number", Integer),
    required("title", Prose),
    required("branch", String(255)),
    required("sha", String(64)),
    required("author", String(255)),
    required("from_fork", Boolean),
    required("state", Choice(PreviewState)),
    required("created_at", Instant),
    required("updated_at", Instant),
    required("expires_at", Instant),
    required("next_try_at", Instant),
    Column("preview_service_id", Id),
    Column("comment_ref", String(128)),
    Column("approved_by", String(255)),
    Column("reason", Prose),
    Column("commented", String(255)),
    required("tries", Integer),
    Column("error", Prose),
    parent("previews", "services", "service_id"),
    UniqueConstraint("organization_id", "service_id", "open_number", name="uq_previews_open"),
    Index("ix_previews_created", "organization_id", "service_id", "created_at", "id"),
    some("ix_previews_open", "expires_at", where="open_number IS NOT NULL"),
)

"""Tables of who may call and who did what."""

from sqlalchemy import Column, Index, Integer, String, UniqueConstraint

from shared.adapters.postgres.column_types import Document, Instant, Names, Prose
from shared.adapters.postgres.tables.parts import identity, organization, parent, required, table

api_tokens = table(
    "api_tokens",
    organization(),
    identity(),
    required("name", String(255)),
    required("hint", String(16)),
    required("token_hash", String(64)),
    required("scopes", Names),
    required("user_id", String(255)),
    required("created_by", String(255)),
    required("created_at", Instant),
    Column("expires_at", Instant),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    UniqueConstraint("token_hash", name="uq_api_tokens_hash"),
    Index("ix_api_tokens_created", "organization_id", "created_at", "id"),
)

# what was done outlives what it was done to: no foreign keys
audit_events = table(
    "audit_events",
    organization(),
    identity(),
    required("created_at", Instant),
    required("actor_kind", String(32)),
    required("actor_id", String(255)),
    required("actor_name", String(255)),
    required("action", String(128)),
    Column("resource_kind", String(64)),
    Column("resource_id", String(255)),
    Column("resource_name", Prose),
    Column("request_id", String(128)),
    Column("address", String(64)),
    Column("detail", Document),
    Index("ix_audit_events_created", "organization_id", "created_at", "id"),
    Index("ix_audit_events_resource", "organization_id", "resource_id", "created_at"),
    Index("ix_audit_events_actor", "organization_id", "actor_id", "created_at"),
)

canvases = table(
    "canvases",
    organization(),
    identity("project_id"),
    required("document", Document),
    required("updated_at", Instant),
    required("version", Integer),
    parent("canvases", "projects", "project_id"),
)

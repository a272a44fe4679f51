"""Tables of what bounds, repeats and stops requests."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, UniqueConstraint

from shared.adapters.postgres.column_types import Choice, Document, Instant, Prose
from shared.adapters.postgres.tables.parts import identity, organization, required, table
from shared.domain.breakers import BreakerState
from shared.domain.idempotency import KeyState

idempotency_keys = table(
    "idempotency_keys",
    organization(),
    identity(),
    required("actor_id", String(255)),
    required("key", String(255)),
    required("request_hash", String(64)),
    required("state", Choice(KeyState)),
    required("attempt", Integer),
    required("created_at", Instant),
    required("claimed_at", Instant),
    required("shown_once", Boolean),
    Column("action", String(128)),
    Column("resource_kind", String(64)),
    Column("resource_id", String(255)),
    Column("resource_name", Prose),
    Column("answered_at", Instant),
    Column("status", Integer),
    Column("headers", Document),
    Column("sealed_body", Prose),
    UniqueConstraint("organization_id", "actor_id", "key", name="uq_idempotency_keys_key"),
    Index("ix_idempotency_keys_created", "created_at"),
)

rate_limits = table(
    "rate_limits",
    Column("key", String(128), primary_key=True),
    required("window_number", BigInteger),
    required("taken", Integer),
    required("granted", Integer),
    required("used_at", Instant),
    Index("ix_rate_limits_used", "used_at"),
)

breakers = table(
    "breakers",
    Column("name", String(128), primary_key=True),
    required("state", Choice(BreakerState)),
    Column("reason", String(255)),
    required("probe_at", Instant),
    required("changed_at", Instant),
)

"""Idempotency keys and rate limits."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import DOCUMENT, ID, INSTANT, PROSE, index, table

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table(
        "idempotency_keys",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("actor_id", sa.String(255), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("request_hash", sa.String(64), nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("claimed_at", INSTANT, nullable=False),
        sa.Column("shown_once", sa.Boolean(), nullable=False),
        sa.Column("action", sa.String(128), nullable=True),
        sa.Column("resource_kind", sa.String(64), nullable=True),
        sa.Column("resource_id", sa.String(255), nullable=True),
        sa.Column("resource_name", PROSE, nullable=True),
        sa.Column("answered_at", INSTANT, nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", DOCUMENT, nullable=True),
        sa.Column("sealed_body", PROSE, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_idempotency_keys"),
        sa.UniqueConstraint("organization_id", "actor_id", "key", name="uq_idempotency_keys_key"),
    )
    index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"])
    table(
        "rate_limits",
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("window_number", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("used_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_limits"),
    )
    index("ix_rate_limits_used", "rate_limits", ["used_at"])


def downgrade() -> None:
    op.drop_table("rate_limits")
    op.drop_table("idempotency_keys")

"""Queues that keep the order within a group; finding a hook's newest deliveries."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import DOCUMENT, INSTANT, index, table

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table(
        "queue_messages",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("group_id", sa.String(128), nullable=False),
        sa.Column("body", DOCUMENT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("visible_at", INSTANT, nullable=False),
        sa.Column("receives", sa.Integer(), nullable=False),
        sa.Column("dead_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_queue_messages"),
    )
    index(
        "ix_queue_messages_group",
        "queue_messages",
        ["queue", "group_id", "id"],
        where="dead_at IS NULL",
    )
    index("ix_queue_messages_dead", "queue_messages", ["queue", "id"], where="dead_at IS NOT NULL")
    table(
        "queue_deduplications",
        sa.Column("queue", sa.String(80), nullable=False),
        sa.Column("deduplication_id", sa.String(128), nullable=False),
        sa.Column("until", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("queue", "deduplication_id", name="pk_queue_deduplications"),
    )
    index(
        "ix_webhook_deliveries_hook",
        "webhook_deliveries",
        ["organization_id", "hook_id", "created_at"],
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_deliveries_hook", "webhook_deliveries")
    op.drop_table("queue_deduplications")
    op.drop_table("queue_messages")

"""Registration tokens of agents, and which of them an agent came with."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import DOCUMENT, ID, INSTANT, table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table(
        "agent_tokens",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("hint", sa.String(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("roles", DOCUMENT, nullable=False),
        sa.Column("organizations", DOCUMENT, nullable=False),
        sa.Column("created_by", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_agent_tokens"),
        sa.UniqueConstraint("token_hash", name="uq_agent_tokens_hash"),
    )
    op.add_column("agents", sa.Column("token_id", ID, nullable=True))


def downgrade() -> None:
    op.drop_column("agents", "token_id")
    op.drop_table("agent_tokens")

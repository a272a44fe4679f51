"""The members of one machine's own issuer, and their sign-ins."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import ID, INSTANT, index, parent, table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table(
        "members",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("email", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("invite_hash", sa.String(64), nullable=True),
        sa.Column("invite_expires_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_members"),
        sa.UniqueConstraint("organization_id", "email", name="uq_members_email"),
    )
    index("ix_members_created", "members", ["organization_id", "created_at", "id"])
    table(
        "sign_in_grants",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("client_id", sa.String(255), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("scope", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("member_id", ID, nullable=True),
        sa.Column("user_code", sa.String(16), nullable=True),
        sa.Column("redirect_uri", sa.String(2000), nullable=True),
        sa.Column("code_challenge", sa.String(128), nullable=True),
        sa.Column("nonce", sa.String(255), nullable=True),
        sa.Column("polled_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name="pk_sign_in_grants"),
        parent("sign_in_grants", "members", "member_id"),
        sa.UniqueConstraint("organization_id", "user_code", name="uq_sign_in_grants_code"),
    )
    index("ix_sign_in_grants_expires", "sign_in_grants", ["expires_at"])
    index("ix_sign_in_grants_member", "sign_in_grants", ["organization_id", "member_id"])


def downgrade() -> None:
    op.drop_table("sign_in_grants")
    op.drop_table("members")

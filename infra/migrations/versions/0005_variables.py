"""Sealed variables, what they refer to, and who made each version of a set."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import DOCUMENT, ID, INSTANT, parent, table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_REQUIRED = {"write_only": sa.Boolean(), "refers_to": DOCUMENT}
_FIRST = """
INSERT INTO env_versions (organization_id, service_id, number, author, created_at)
SELECT organization_id, service_id, version, min(author), min(created_at)
FROM env_vars GROUP BY organization_id, service_id, version
"""


def upgrade() -> None:
    for name, kind in _REQUIRED.items():
        op.add_column("env_vars", sa.Column(name, kind, nullable=True))
    op.execute("UPDATE env_vars SET write_only = (1 = 0), refers_to = '[]'")
    with op.batch_alter_table("env_vars") as batch:
        for name, kind in _REQUIRED.items():
            batch.alter_column(name, existing_type=kind, nullable=False)
    table(
        "env_versions",
        sa.Column("organization_id", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("author", sa.String(255), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("restored_from", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "service_id", "number", name="pk_env_versions"),
        parent("env_versions", "services", "service_id"),
    )
    op.execute(_FIRST)


def downgrade() -> None:
    op.drop_table("env_versions")
    with op.batch_alter_table("env_vars") as batch:
        for name in _REQUIRED:
            batch.drop_column(name)

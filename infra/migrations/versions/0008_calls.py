"""Secrets of jobs that belong to no deployment: calls that an agent makes for the platform."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.parts import PROSE

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("sealed_values", PROSE, nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "sealed_values")

"""The request or delivery that a deployment began with, on what is done for it."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("deployments", "jobs")


def upgrade() -> None:
    for name in _TABLES:
        op.add_column(name, sa.Column("correlation_id", sa.String(128), nullable=True))


def downgrade() -> None:
    for name in _TABLES:
        op.drop_column(name, "correlation_id")

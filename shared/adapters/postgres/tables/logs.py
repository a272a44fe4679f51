"""Tables of log lines."""

from sqlalchemy import BigInteger, Column, Integer, String, UniqueConstraint

from shared.adapters.postgres.column_types import Blob, Instant
from shared.adapters.postgres.tables.parts import identity, organization, parent, required, table

log_heads = table(
    "log_heads",
    organization(),
    identity("deployment_id"),
    required("last_sequence", BigInteger),
    required("kept_bytes", BigInteger),
    required("head_bytes", BigInteger),
    required("head_through", BigInteger),
    required("dropped_through", BigInteger),
    Column("dropped_at", Instant),
    parent("log_heads", "deployments", "deployment_id"),
)

# the end of a chunk comes first in its key: "what comes after N" is then one range of the index
log_chunks = table(
    "log_chunks",
    organization(),
    identity("deployment_id"),
    Column("last_sequence", BigInteger, primary_key=True, autoincrement=False),
    required("first_sequence", BigInteger),
    required("source", String(128)),
    required("number", BigInteger),
    required("part", Integer),
    required("raw_bytes", Integer),
    Column("content", Blob),
    parent("log_chunks", "log_heads", "deployment_id", "deployment_id"),
    UniqueConstraint(
        "organization_id", "deployment_id", "source", "number", "part", name="uq_log_chunks_part"
    ),
)

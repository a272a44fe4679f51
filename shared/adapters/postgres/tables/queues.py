"""Tables of queues that keep the order within a group."""

from sqlalchemy import BigInteger, Column, Integer, String

from shared.adapters.postgres.column_types import Document, Instant
from shared.adapters.postgres.tables.parts import required, some, table

# the number decides the order in a group: it is drawn while the group is locked
queue_messages = table(
    "queue_messages",
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    required("queue", String(80)),
    required("group_id", String(128)),
    required("body", Document),
    required("sent_at", Instant),
    required("visible_at", Instant),
    required("receives", Integer),
    Column("dead_at", Instant),
    some("ix_queue_messages_group", "queue", "group_id", "id", where="dead_at IS NULL"),
    some("ix_queue_messages_dead", "queue", "id", where="dead_at IS NOT NULL"),
)

queue_deduplications = table(
    "queue_deduplications",
    Column("queue", String(80), primary_key=True),
    Column("deduplication_id", String(128), primary_key=True),
    required("until", Instant),
)

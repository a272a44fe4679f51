"""A queue that keeps the order within a group, in two tables of PostgreSQL.

The behaviour is that of SQS FIFO. Every call is one statement in a transaction of its own.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine, Row, TextClause, text

from shared.adapters.postgres.errors import translated
from shared.ports.queues import DeadMessage, Message

CHANNEL: Final = "queues"
"""Who listens here hears the name of a queue when something arrives in it."""
_MOST: Final = 10
_REMEMBERED: Final = "interval '5 minutes'"


def group_lock(queue: str, group: str) -> str:
    """What holds a group until the transaction's end, as SQL of two expressions."""
    return f"pg_advisory_xact_lock(hashtextextended({queue} || '/' || {group}, 0))"


# Whoever sends draws the number while holding the group: a later number is then never seen first.
_SEND: Final = text(f"""
WITH held AS MATERIALIZED (
    SELECT {group_lock(":queue", ":group_id")}
), fresh AS (
    INSERT INTO queue_deduplications AS known (queue, deduplication_id, until)
    SELECT :queue, :deduplication_id, clock_timestamp() + {_REMEMBERED} FROM held
    ON CONFLICT (queue, deduplication_id) DO UPDATE SET until = excluded.until
    WHERE known.until <= clock_timestamp()
    RETURNING 1
), sent AS (
    INSERT INTO queue_messages (queue, group_id, body, sent_at, visible_at, receives)
    SELECT :queue, :group_id, CAST(:body AS jsonb), clock_timestamp(), clock_timestamp(), 0
    FROM fresh
    RETURNING id
)
SELECT pg_notify(:channel, :queue) FROM sent
""")  # noqa: S608 - no value of anybody else is in it

# The first of each group, by jumping from group to group in the index.
_HEADS: Final = """
RECURSIVE heads AS (
    (SELECT group_id, id FROM queue_messages WHERE queue = :queue AND dead_at IS NULL
     ORDER BY group_id, id LIMIT 1)
    UNION ALL
    SELECT following.group_id, following.id FROM heads CROSS JOIN LATERAL (
        SELECT group_id, id FROM queue_messages
        WHERE queue = :queue AND dead_at IS NULL AND group_id > heads.group_id
        ORDER BY group_id, id LIMIT 1
    ) AS following
)
"""
_RECEIVE: Final = text(f"""
WITH {_HEADS}, taken AS (
    SELECT id FROM queue_messages
    WHERE id IN (SELECT id FROM heads) AND visible_at <= clock_timestamp() AND dead_at IS NULL
    ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE queue_messages AS message
SET receives = message.receives + 1,
    visible_at = clock_timestamp() + make_interval(secs => :seconds),
    dead_at = CASE WHEN message.receives >= :most_receives THEN clock_timestamp() END
FROM taken WHERE message.id = taken.id
RETURNING message.id, message.group_id, message.body, message.receives, message.dead_at
""")  # noqa: S608 - no value of anybody else is in it
_FINISH: Final = text("DELETE FROM queue_messages WHERE id = :id AND receives = :receives")
_RELEASE: Final = text("""
WITH released AS (
    UPDATE queue_messages SET visible_at = clock_timestamp() + make_interval(secs => :seconds)
    WHERE id = :id AND receives = :receives AND dead_at IS NULL
    RETURNING queue
)
SELECT pg_notify(:channel, queue) FROM released
""")
_WAITING: Final = text(
    "SELECT count(*) AS waiting FROM queue_messages WHERE queue = :queue AND dead_at IS NULL"
)
_DEAD: Final = text("""
SELECT body, group_id FROM queue_messages WHERE queue = :queue AND dead_at IS NOT NULL
ORDER BY id LIMIT :limit
""")
_REDRIVE: Final = text(f"""
WITH risen AS (
    DELETE FROM queue_messages WHERE id IN (
        SELECT id FROM queue_messages WHERE queue = :queue AND dead_at IS NOT NULL
        ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
    ) RETURNING id, group_id, body
), held AS MATERIALIZED (
    SELECT id, group_id, body,
           {group_lock(":queue", "group_id")}
    FROM (SELECT * FROM risen ORDER BY group_id, id) AS in_order
), sent AS (
    INSERT INTO queue_messages (queue, group_id, body, sent_at, visible_at, receives)
    SELECT :queue, group_id, body, clock_timestamp(), clock_timestamp(), 0 FROM held ORDER BY id
    RETURNING id
)
SELECT id, pg_notify(:channel, :queue) FROM sent
""")  # noqa: S608 - no value of anybody else is in it
_RECLAIM: Final = text("""
UPDATE queue_messages SET visible_at = clock_timestamp()
WHERE queue = :queue AND visible_at > clock_timestamp() AND dead_at IS NULL
""")
_FORGET: Final = text("DELETE FROM queue_deduplications WHERE until <= clock_timestamp()")
_FORGET_DEAD: Final = text("""
DELETE FROM queue_messages WHERE dead_at < clock_timestamp() - make_interval(days => :days)
""")


class PostgresQueue:
    """One queue of many in the same tables.

    A message that is not finished within `visibility_seconds` is received again, and is dead when
    that has happened `most_receives` times.
    """

    def __init__(
        self, engine: Engine, name: str, *, visibility_seconds: float, most_receives: int
    ) -> None:
        # one statement is one transaction: no round trip for its beginning and its end
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._name = name
        self._seconds = visibility_seconds
        self._most_receives = most_receives

    def send(self, body: dict[str, Any], *, group: str, deduplication_id: str) -> None:
        given = {"group_id": group, "deduplication_id": deduplication_id, "body": json.dumps(body)}
        self._run(_SEND, {**given, "channel": CHANNEL})

    def receive(self, limit: int) -> Sequence[Message]:
        given = {"limit": min(limit, _MOST), "seconds": self._seconds}
        while True:
            rows = self._run(_RECEIVE, {**given, "most_receives": self._most_receives})
            alive = sorted((row for row in rows if row.dead_at is None), key=lambda row: row.id)
            if alive or not rows:
                return [_message(row) for row in alive]

    def finish(self, handle: str) -> None:
        self._run(_FINISH, _of(handle))

    def release(self, handle: str, seconds: int) -> None:
        self._run(_RELEASE, {**_of(handle), "seconds": seconds, "channel": CHANNEL})

    def waiting(self) -> int:
        return int(self._run(_WAITING, {})[0].waiting)

    def dead(self, limit: int) -> Sequence[DeadMessage]:
        return [DeadMessage(r.body, r.group_id) for r in self._run(_DEAD, {"limit": limit})]

    def redrive(self, limit: int) -> int:
        return len(self._run(_REDRIVE, {"limit": limit, "channel": CHANNEL}))

    def reclaim(self) -> None:
        """Take back what is in the hands of receivers, for one who knows that all are dead."""
        self._run(_RECLAIM, {})

    def _run(self, statement: TextClause, given: Mapping[str, Any]) -> Sequence[Row[Any]]:
        with translated(), self._engine.connect() as connection:
            result = connection.execute(statement, {"queue": self._name, **given})
            return result.all() if result.returns_rows else []


def forget(engine: Engine, *, days: int) -> None:
    """In all queues: what no longer tells duplicates, and dead letters older than `days`."""
    with translated(), engine.begin() as connection:
        connection.execute(_FORGET)
        connection.execute(_FORGET_DEAD, {"days": days})


def _message(row: Row[Any]) -> Message:
    return Message(f"{row.id}:{row.receives}", row.body, row.group_id, row.receives)


def _of(handle: str) -> dict[str, int]:
    """A handle names the message and which receiving of it."""
    id_, _, receives = handle.partition(":")
    return {"id": int(id_), "receives": int(receives)}

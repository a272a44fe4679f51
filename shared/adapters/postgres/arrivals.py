"""Taking a delivery in with one statement, where rows and queue are in the same database."""

import json
from typing import Any, Final

from sqlalchemy import Engine

from shared.adapters.postgres.errors import translated
from shared.adapters.postgres.lines import Lines
from shared.adapters.postgres.queues import CHANNEL, group_lock
from shared.domain.webhooks import Delivery
from shared.ports.queues import Arrivals
from shared.usecases.arrivals import message_of

# Nothing dies between the row and its message; a row that is there already is left alone.
TAKE: Final = f"""
WITH stored AS (
    INSERT INTO webhook_deliveries (
        organization_id, id, hook_id, connection_id, provider, delivery_id, event, repository_id,
        payload, created_at, queued_at, attempt, failures, dead, verdict, reason, decided_at,
        deployment_ids
    ) VALUES (
        %(organization_id)s, %(id)s, %(hook_id)s, %(connection_id)s, %(provider)s,
        %(delivery_id)s, %(event)s, %(repository_id)s, CAST(%(payload)s AS jsonb),
        %(created_at)s, %(queued_at)s, %(attempt)s, 0, false, %(verdict)s, %(reason)s,
        %(decided_at)s, '[]'
    ) ON CONFLICT DO NOTHING RETURNING verdict
), held AS MATERIALIZED (
    SELECT {group_lock("%(queue)s", "%(group)s")} FROM stored WHERE verdict IS NULL
), named AS (
    INSERT INTO queue_deduplications (queue, deduplication_id, until)
    SELECT %(queue)s, %(name)s, clock_timestamp() + interval '5 minutes' FROM held
), sent AS (
    INSERT INTO queue_messages (queue, group_id, body, sent_at, visible_at, receives)
    SELECT %(queue)s, %(group)s, CAST(%(body)s AS jsonb), clock_timestamp(), clock_timestamp(), 0
    FROM held RETURNING queue
), told AS (
    SELECT pg_notify('{CHANNEL}', queue) FROM sent
)
SELECT (SELECT count(*) FROM stored), (SELECT count(*) FROM told)
"""  # noqa: S608 - no value of anybody else is in it


class PostgresArrivals:
    """`queue` is its name; what came before goes the way of `otherwise`."""

    def __init__(self, engine: Engine, queue: str, otherwise: Arrivals) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._queue = queue
        self._otherwise = otherwise

    def take(self, delivery: Delivery) -> tuple[Delivery, bool]:
        with translated(), self._engine.connect() as connection:
            row = connection.exec_driver_sql(TAKE, _values(delivery, self._queue)).one()
        return (delivery, True) if row[0] else self._otherwise.take(delivery)


class LoopArrivals:
    """The same statement in the event loop, for a delivery that is new."""

    def __init__(self, lines: Lines, queue: str) -> None:
        self._lines = lines
        self._queue = queue

    async def take_new(self, delivery: Delivery) -> bool:
        row = await self._lines.first(TAKE, _values(delivery, self._queue))
        return row is not None and bool(row[0])


def _values(delivery: Delivery, queue: str) -> dict[str, Any]:
    message = message_of(delivery)
    return {
        "organization_id": delivery.organization_id,
        "id": delivery.id,
        "hook_id": delivery.hook_id,
        "connection_id": delivery.connection_id,
        "provider": delivery.provider.value,
        "delivery_id": delivery.delivery_id,
        "event": delivery.event,
        "repository_id": delivery.repository_id,
        "payload": json.dumps(delivery.payload),
        "created_at": delivery.created_at,
        "queued_at": delivery.queued_at,
        "attempt": delivery.attempt,
        "verdict": delivery.verdict and delivery.verdict.value,
        "reason": delivery.reason,
        "decided_at": delivery.decided_at,
        "queue": queue,
        "group": message.group,
        "name": message.name,
        "body": json.dumps(message.body),
    }

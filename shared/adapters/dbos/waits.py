"""What states wait for: answers to their tokens, and times to come."""

import json
import secrets
from dataclasses import dataclass

from shared.adapters.dbos.database import Database
from shared.adapters.dbos.executions import CHANNEL
from shared.ports.workflows import JSON


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait that was opened, now or in an earlier life of the process."""

    token: str
    submitted: bool
    remaining: float


@dataclass(frozen=True, slots=True)
class Pending:
    """`answer` once there is one; else seconds to the deadline and since the last heartbeat."""

    answer: dict[str, JSON] | None
    remaining: float
    silent: float


class Waits:
    """One row per step that waits. Times are the database's, each method one statement."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def open_wait(self, execution: str, step: int, seconds: float) -> Wait:
        """The wait of this step, opened now unless an earlier life of the process did."""
        [(token, submitted, remaining)] = self._db.query(
            "WITH added AS (INSERT INTO waits (execution, step, token, deadline)"
            " VALUES (%(execution)s, %(step)s, %(token)s,"
            " now() + make_interval(secs => %(seconds)s))"
            " ON CONFLICT DO NOTHING RETURNING token, submitted, deadline)"
            " SELECT token, submitted, extract(epoch FROM deadline - now()) FROM"
            " (SELECT * FROM added UNION ALL SELECT token, submitted, deadline FROM waits"
            " WHERE execution = %(execution)s AND step = %(step)s) AS wait LIMIT 1",
            {
                "execution": execution,
                "step": step,
                "token": secrets.token_urlsafe(32),
                "seconds": seconds,
            },
        )
        return Wait(token, submitted, float(remaining))

    def submitted(self, execution: str, step: int) -> Pending:
        """Remember that the work was handed over; what `pending` says then."""
        [(answer, remaining, silent)] = self._db.query(
            "UPDATE waits SET submitted = true WHERE execution = %s AND step = %s"
            " RETURNING answer, extract(epoch FROM deadline - now()),"
            " extract(epoch FROM now() - heartbeat_at)",
            [execution, step],
        )
        return Pending(answer, float(remaining), float(silent))

    def pending(self, execution: str, step: int) -> Pending:
        [(answer, remaining, silent)] = self._db.query(
            "SELECT answer, extract(epoch FROM deadline - now()),"
            " extract(epoch FROM now() - heartbeat_at)"
            " FROM waits WHERE execution = %s AND step = %s",
            [execution, step],
        )
        return Pending(answer, float(remaining), float(silent))

    def close_wait(self, execution: str, step: int, silent: float = 0) -> bool:
        """Take no more answers; False when there is one, or a heartbeat within `silent` seconds."""
        return bool(
            self._db.query(
                "UPDATE waits SET closed_at = now() WHERE execution = %s AND step = %s"
                " AND answer IS NULL AND heartbeat_at <= now() - make_interval(secs => %s)"
                " RETURNING step",
                [execution, step, silent],
            )
        )

    def answer(self, token: str, answer: dict[str, JSON]) -> str | None:
        """Record the one answer; the execution to wake, or None when nobody waits for it."""
        rows = self._db.query(
            "WITH answered AS (UPDATE waits SET answer = %(answer)s WHERE token = %(token)s"
            " AND answer IS NULL AND closed_at IS NULL RETURNING execution)"
            " SELECT execution, pg_notify(%(channel)s, 'wake:' || execution) FROM answered",
            {"answer": json.dumps(answer), "token": token, "channel": CHANNEL},
        )
        return str(rows[0][0]) if rows else None

    def heartbeat(self, token: str) -> bool:
        """False when nobody waits for it."""
        return bool(
            self._db.query(
                "UPDATE waits SET heartbeat_at = now() WHERE token = %s AND answer IS NULL"
                " AND closed_at IS NULL RETURNING step",
                [token],
            )
        )

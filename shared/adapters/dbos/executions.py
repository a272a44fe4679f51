"""What the engine remembers of executions and their definitions.

Times are the database's. Each method that changes something is one statement, so it is atomic;
those that concern another process notify the channel in it.
"""

import json
from dataclasses import dataclass
from typing import Final

from shared.adapters.asl.definition import Definition
from shared.adapters.dbos.database import Database
from shared.ports.workflows import JSON, Execution, ExecutionStatus

PROTOCOL: Final = "1"
"""The interpreter's order of durable steps. A change of it strands what runs: drain first."""

CHANNEL: Final = "click_to_deploy_workflows"


@dataclass(frozen=True, slots=True)
class Started:
    """A running execution as its interpreter needs it; `remaining` seconds to its deadline."""

    name: str
    definition: str
    machine: str
    input: JSON
    remaining: float


@dataclass(frozen=True, slots=True)
class Child:
    """A nested execution: `mine` when this very step of its parent started it."""

    mine: bool
    remaining: float


class Executions:
    def __init__(self, database: Database) -> None:
        self._db = database

    def store_definition(self, definition: Definition) -> None:
        self._db.query(
            "INSERT INTO definitions (digest, machine, document) VALUES (%s, %s, %s) "
            "ON CONFLICT DO NOTHING",
            [definition.digest, definition.name, definition.text],
        )

    def definition(self, digest: str) -> tuple[str, JSON]:
        """Machine and document."""
        [(machine, document)] = self._db.query(
            "SELECT machine, document FROM definitions WHERE digest = %s", [digest]
        )
        return machine, json.loads(document)

    def add(self, name: str, definition: Definition, payload: JSON, *, notify: bool) -> bool:
        """Record a new execution; False when the name is taken."""
        return bool(
            self._db.query(
                "WITH added AS (INSERT INTO executions"
                " (name, machine, definition, protocol, input, deadline)"
                " VALUES (%(name)s, %(machine)s, %(definition)s, %(protocol)s, %(input)s,"
                " now() + make_interval(secs => %(timeout)s))"
                " ON CONFLICT DO NOTHING RETURNING name)"
                " SELECT CASE WHEN %(notify)s THEN pg_notify(%(channel)s, 'start:' || name) END"
                " FROM added",
                {
                    "name": name,
                    "machine": definition.name,
                    "definition": definition.digest,
                    "protocol": PROTOCOL,
                    "input": json.dumps(payload),
                    "timeout": definition.timeout_seconds,
                    "notify": notify,
                    "channel": CHANNEL,
                },
            )
        )

    def add_child(
        self, name: str, definition: Definition, payload: JSON, parent: str, step: int
    ) -> bool:
        """Record a nested execution; False when the name is taken or its parent has ended."""
        return bool(
            self._db.query(
                "INSERT INTO executions (name, machine, definition, protocol, parent,"
                " parent_step, input, deadline)"
                " SELECT %(name)s, %(machine)s, %(definition)s, %(protocol)s, name, %(step)s,"
                " %(input)s, now() + make_interval(secs => %(timeout)s)"
                " FROM executions WHERE name = %(parent)s AND status = 'running' FOR SHARE"
                " ON CONFLICT DO NOTHING RETURNING name",
                {
                    "name": name,
                    "machine": definition.name,
                    "definition": definition.digest,
                    "protocol": PROTOCOL,
                    "parent": parent,
                    "step": step,
                    "input": json.dumps(payload),
                    "timeout": definition.timeout_seconds,
                },
            )
        )

    def child(self, name: str, parent: str, step: int, timeout: float) -> Child | None:
        """A nested execution seen from the step that waits `timeout` seconds for it."""
        rows = self._db.query(
            "SELECT parent = %s AND parent_step = %s,"
            " extract(epoch FROM started_at + make_interval(secs => %s) - now())"
            " FROM executions WHERE name = %s",
            [parent, step, timeout, name],
        )
        return Child(bool(rows[0][0]), float(rows[0][1])) if rows else None

    def running(self, name: str) -> Started | None:
        """None when it has ended."""
        rows = self._db.query(
            "SELECT definition, machine, input, extract(epoch FROM deadline - now())"
            " FROM executions WHERE name = %s AND status = 'running'",
            [name],
        )
        if not rows:
            return None
        definition, machine, payload, remaining = rows[0]
        return Started(name, definition, machine, payload, float(remaining))

    def all_running(self) -> list[tuple[str, str]]:
        """Name and protocol of every execution that has not ended."""
        return [
            (name, protocol)
            for name, protocol in self._db.query(
                "SELECT name, protocol FROM executions WHERE status = 'running'"
            )
        ]

    def describe(self, name: str) -> Execution | None:
        rows = self._db.query(
            "SELECT name, machine, status, error, cause, output FROM executions WHERE name = %s",
            [name],
        )
        if not rows:
            return None
        _, machine, status, error, cause, output = rows[0]
        return Execution(name, machine, ExecutionStatus(status), error, cause, output)

    def times(self, name: str) -> tuple[JSON, float, float]:
        """Input, and start and end in seconds since 1970, of an execution that has ended."""
        [(payload, started, ended)] = self._db.query(
            "SELECT input, extract(epoch FROM started_at), extract(epoch FROM ended_at)"
            " FROM executions WHERE name = %s",
            [name],
        )
        return payload, float(started), float(ended)

    def end(self, execution: Execution) -> str | None:
        """Write how it ended, unless it has ended already; the parent's name, if it has one."""
        rows = self._db.query(
            "WITH ended AS (UPDATE executions SET status = %(status)s, error = %(error)s,"
            " cause = %(cause)s, output = %(output)s, ended_at = now()"
            " WHERE name = %(name)s AND status = 'running' RETURNING name, parent),"
            " closed AS (UPDATE waits SET closed_at = now() FROM ended"
            " WHERE execution = name AND closed_at IS NULL)"
            " SELECT parent FROM ended",
            {
                "status": execution.status,
                "error": execution.error,
                "cause": execution.cause,
                "output": json.dumps(execution.output),
                "name": execution.name,
            },
        )
        parent: str | None = rows[0][0] if rows else None
        return parent

    def abort(
        self, name: str, error: str, reason: str, *, itself: bool = True
    ) -> list[tuple[str, str | None]]:
        """Abort what still runs of it and below it: their names, each with its parent's."""
        rows = self._db.query(
            "WITH RECURSIVE tree AS ("
            " SELECT name, 0 AS depth FROM executions WHERE name = %(name)s"
            " UNION ALL SELECT e.name, depth + 1 FROM executions e JOIN tree t"
            " ON e.parent = t.name),"
            " ended AS (UPDATE executions SET status = 'aborted', error = %(error)s,"
            " cause = %(reason)s, ended_at = now() WHERE status = 'running' AND name IN"
            " (SELECT name FROM tree WHERE depth >= %(least)s) RETURNING name, parent),"
            " closed AS (UPDATE waits SET closed_at = now() FROM ended"
            " WHERE execution = name AND closed_at IS NULL)"
            " SELECT name, parent, pg_notify(%(channel)s, 'stop:' || name),"
            " CASE WHEN parent IS NOT NULL THEN pg_notify(%(channel)s, 'wake:' || parent) END"
            " FROM ended",
            {
                "name": name,
                "error": error,
                "reason": reason,
                "least": 0 if itself else 1,
                "channel": CHANNEL,
            },
        )
        return [(row[0], row[1]) for row in rows]

    def ended_before(self, seconds: float, limit: int) -> list[str]:
        """Names of executions that ended that long ago, and whose parents did."""
        return [
            name
            for (name,) in self._db.query(
                "SELECT e.name FROM executions e LEFT JOIN executions p ON p.name = e.parent"
                " WHERE e.ended_at < now() - make_interval(secs => %s)"
                " AND (p.name IS NULL OR p.ended_at < now() - make_interval(secs => %s))"
                " ORDER BY e.ended_at LIMIT %s",
                [seconds, seconds, limit],
            )
        ]

    def orphans(self) -> list[str]:
        """Names of running executions whose parent has ended."""
        return [
            name
            for (name,) in self._db.query(
                "SELECT e.name FROM executions e JOIN executions p ON p.name = e.parent"
                " WHERE e.status = 'running' AND p.status <> 'running'"
            )
        ]

    def delete(self, names: list[str], keep: list[str]) -> None:
        """Remove executions that have ended, and definitions unused but for those to `keep`."""
        self._db.query(
            "DELETE FROM executions WHERE name = ANY(%s) AND ended_at IS NOT NULL", [names]
        )
        self._db.query(
            "DELETE FROM definitions d WHERE digest <> ALL(%s) AND NOT EXISTS"
            " (SELECT FROM executions e WHERE e.definition = d.digest)",
            [keep],
        )

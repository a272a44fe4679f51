"""The engine's own tables, in their own schema; DBOS keeps its log in a second one."""

from typing import Final

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

STATEMENTS: Final = (
    """
    CREATE TABLE definitions (
        digest text PRIMARY KEY,
        machine text NOT NULL,
        document text NOT NULL,
        stored_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE executions (
        name text PRIMARY KEY,
        machine text NOT NULL,
        definition text NOT NULL REFERENCES definitions,
        protocol text NOT NULL,
        parent text REFERENCES executions ON DELETE SET NULL,
        parent_step integer,
        input json NOT NULL,
        status text NOT NULL DEFAULT 'running',
        error text,
        cause text,
        output json,
        started_at timestamptz NOT NULL DEFAULT now(),
        deadline timestamptz NOT NULL,
        ended_at timestamptz,
        CHECK ((status = 'running') = (ended_at IS NULL))
    )
    """,
    "CREATE INDEX executions_running ON executions (name) WHERE status = 'running'",
    "CREATE INDEX executions_parent ON executions (parent) WHERE parent IS NOT NULL",
    "CREATE INDEX executions_ended ON executions (ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX executions_definition ON executions (definition)",
    """
    CREATE TABLE waits (
        execution text NOT NULL REFERENCES executions ON DELETE CASCADE,
        step integer NOT NULL,
        token text UNIQUE,
        submitted boolean NOT NULL DEFAULT false,
        deadline timestamptz NOT NULL,
        heartbeat_at timestamptz NOT NULL DEFAULT now(),
        answer json,
        closed_at timestamptz,
        PRIMARY KEY (execution, step)
    )
    """,
)
"""Applied in order, each once; only ever appended to."""


def migrate(connection: Connection[TupleRow], schema: str) -> None:
    """Bring the schema up to date, in one transaction; the caller holds the engine's lock."""
    with connection.transaction():
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
        connection.execute(sql.SQL("SET LOCAL search_path TO {}").format(sql.Identifier(schema)))
        connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version integer NOT NULL)")
        row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
        version = (row[0] if row else None) or 0
        if version > len(STATEMENTS):
            raise psycopg.ProgrammingError(
                f"schema {schema} was made by a newer version of the platform"
            )
        for statement in STATEMENTS[version:]:
            connection.execute(statement)
        connection.execute("INSERT INTO schema_version VALUES (%s)", [len(STATEMENTS)])

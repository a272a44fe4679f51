"""The stores under test: three databases and the one in memory, behind one port."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from infra.migrations import run as migrations
from shared.adapters.postgres.engine import make_engine
from shared.adapters.postgres.tables.every import metadata
from shared.adapters.postgres.unit_of_work import SqlUnitOfWork
from shared.ports.store import UnitOfWork
from tests.databases import mariadb
from tests.fakes.store import FakeStore

ALL = [pytest.param("postgres", marks=pytest.mark.postgres), "sqlite", "mariadb", "memory"]
WORK = [pytest.param("postgres", marks=pytest.mark.postgres), "memory"]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrations.upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def mariadb_engine() -> Iterator[Engine]:
    folder = Path(tempfile.mkdtemp(prefix="c2d-maria-"))
    try:
        with mariadb(folder) as url:
            migrations.upgrade(url)
            engine = make_engine(url, pool_size=10)
            yield engine
            engine.dispose()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_engine(sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    file = tmp_path / "store.db"
    shutil.copy(sqlite_template, file)
    engine = make_engine(f"sqlite:///{file}")
    yield engine
    engine.dispose()


@pytest.fixture
def sql_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The engine of the database the test's parameter names."""
    if request.param == "postgres":
        yield request.getfixturevalue("engine")
        return
    engine = request.getfixturevalue(f"{request.param}_engine")
    yield engine
    if request.param == "mariadb":
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))


@pytest.fixture
def uow(request: pytest.FixtureRequest) -> Iterator[UnitOfWork]:
    """An empty store of the kind the test's parameter names."""
    if request.param == "memory":
        yield FakeStore()
        return
    if request.param == "postgres":
        yield SqlUnitOfWork(request.getfixturevalue("engine"))
        return
    engine = request.getfixturevalue(f"{request.param}_engine")
    yield SqlUnitOfWork(engine)
    if request.param == "mariadb":
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))

"""What all tests share: databases for those that need one, no network for those that need none."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket
from sqlalchemy import Engine

from tests.databases import Cluster

OFFLINE = {"domain", "usecases", "endpoints", "tasks", "consumers"}
"""Suites that run on fakes: whatever opens a connection there is a mistake."""


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    if OFFLINE.isdisjoint(request.path.parts):
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    try:
        yield
    finally:
        pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of this session's own, reached by a socket in a short path."""
    folder = Path(tempfile.mkdtemp(prefix="c2d-pg-"))
    try:
        with Cluster.started(folder) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def _module_database(postgres: Cluster) -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def database_url(postgres: Cluster, _module_database: str) -> Iterator[str]:
    """A database with the newest schema and no rows; whoever is connected at the end is cut off."""
    yield _module_database
    postgres.empty(_module_database)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    from shared.adapters.postgres.engine import make_engine

    engine = make_engine(database_url, pool_size=10, max_overflow=10)
    yield engine
    engine.dispose()

"""The tests of the store once more, through a pooler and with one connection."""

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.pgbouncer.binding import binding
from tests.adapters.pgbouncer.servers import Server

_POSTGRES = Path(__file__).parents[1] / "postgres"
_ALONE = {"uow", "engine", "monkeypatch"}
"""What a test may ask for to be one that needs a single connection."""


def _tests() -> Iterator[tuple[str, Callable[..., Any]]]:
    for path in sorted(_POSTGRES.glob("test_*.py")):
        module = import_module(f"tests.adapters.postgres.{path.stem}")
        for name, test in vars(module).items():
            asks = set(inspect.signature(test).parameters) if name.startswith("test_") else set()
            if "uow" in asks and asks <= _ALONE and not getattr(test, "pytestmark", []):
                yield f"{name}_of_{path.stem}", test


_FOUND = dict(_tests())
globals().update(_FOUND)
pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module", autouse=True)
def since(server: Server) -> int:
    """Where the server's log was when this module began."""
    return server.logged()


def test_that_was_all_of_the_store_and_nothing_bound_a_client(server: Server, since: int) -> None:
    assert len(_FOUND) > 70
    sent = server.statements(since)
    assert len(sent) > 1000
    assert binding(sent) == []


@pytest.mark.parametrize(
    "logged",
    [
        "statement: SET search_path TO x",
        "statement: SET LOCAL statement_timeout = 1",
        "execute _pg3_0: SELECT 1",
        "execute <unnamed>: LISTEN jobs",
        "execute <unnamed>: SELECT pg_advisory_lock($1)",
        "execute <unnamed>: SELECT pg_try_advisory_lock($1, $2)",
        "execute <unnamed>: SELECT nextval('numbers')",
        'statement: DECLARE "rows" CURSOR FOR SELECT 1',
        "statement: CREATE TEMP TABLE t (n int)",
        "execute <unnamed>: SELECT '" + "x" * 20_000 + "'",
    ],
)
def test_what_binds_a_client_is_recognised(logged: str) -> None:
    assert binding([logged])


@pytest.mark.parametrize(
    "logged",
    [
        "statement: BEGIN ISOLATION LEVEL READ COMMITTED",
        "execute <unnamed>: UPDATE jobs SET state=$1",
        "execute <unnamed>: SELECT pg_advisory_xact_lock($1)",
        "execute <unnamed>: SELECT pg_notify($1, $2)",
    ],
)
def test_what_binds_nobody_is_let_be(logged: str) -> None:
    assert binding([logged]) == []

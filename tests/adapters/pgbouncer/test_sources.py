"""What keeps something in a database session is code of one machine, and stays there."""

import ast
from pathlib import Path

import grimp
import pytest

from shared.adapters.postgres import pooled
from shared.adapters.postgres.engine import configured
from shared.adapters.postgres.liveness import CheckedPool
from shared.settings import Settings
from tests.adapters.pgbouncer.binding import binding

PROJECT = Path(__file__).resolve().parents[3]
ONE_MACHINE = {
    "shared.adapters.dbos.database": "the engine's own connections, straight to the server",
    "shared.adapters.dbos.hold": "an advisory lock and LISTEN: who is the engine",
    "shared.adapters.dbos.schema": "the engine's schema",
    "shared.adapters.postgres.listener": "LISTEN, on a connection of its own",
}
SAFE = {
    "shared.adapters.postgres.engine": "the init command of MariaDB's connections",
}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts)


def _binding_strings(path: Path) -> list[str]:
    constants = [node for node in ast.walk(ast.parse(path.read_text())) if _is_text(node)]
    texts = [f"statement: {node.value}" for node in constants if isinstance(node, ast.Constant)]
    return [each for each in binding(texts) if each.isascii() and _reads_as_sql(each)]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _reads_as_sql(logged: str) -> bool:
    """SQL is written in capitals here; prose is not, nor are words of one."""
    command = logged.removeprefix("statement: ").strip().split(" ")
    return command[0].isupper() and len(command) > 1


def test_only_code_of_one_machine_keeps_something_in_a_session() -> None:
    adapters = PROJECT / "shared" / "adapters"
    found = {
        _module(path)
        for package in ("postgres", "dbos")
        for path in (adapters / package).rglob("*.py")
        if _binding_strings(path)
    }
    assert found == ONE_MACHINE.keys() | SAFE.keys()


def test_nothing_else_reaches_that_code_but_the_composition_root_of_one_machine() -> None:
    graph = grimp.build_graph("shared", "functions", "infra", cache_dir=None)
    for module in ONE_MACHINE:
        others = {
            name
            for name in graph.find_modules_that_directly_import(module)
            if not name.startswith(("shared.adapters.dbos", "infra.local"))
        }
        assert others == set(), module
    entered = graph.find_modules_that_directly_import("shared.adapters.dbos.engine")
    assert entered == {"shared.adapters.dbos", "shared.bootstrap"}


@pytest.mark.parametrize(("workflows", "pooler"), [("dbos", False), ("step_functions", True)])
def test_a_pooler_is_expected_on_aws_and_only_there(workflows: str, pooler: bool) -> None:
    settings = Settings(database_url="postgresql://u@h/d", workflows=workflows, database_pool=1)
    pool = configured(settings).pool
    assert isinstance(pool, pooled.FreshPool if pooler else CheckedPool)

"""Who may import whom, and what a function's file may rely on."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(
    path for path in (ROOT / "functions").rglob("*.py") if path.name != "__init__.py"
)
THIRD_PARTY = {"fastapi", "pydantic", "starlette"}
SPEAKS_SQL = (
    "shared/adapters/postgres/",
    "infra/migrations/",
    "shared/adapters/dbos/library.py",  # DBOS lets SQLAlchemy's errors through
    "shared/bootstrap.py",  # for a type
    "benchmarks/first_call.py",  # the floor that functions are measured against
)

SHIPPED_BESIDE = {"infra.migrations.releases"}
"""What a layer holds besides the library: the migrations, for the function that runs them."""


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def test_the_contracts_of_the_layers_are_kept() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [tool], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("path", FUNCTIONS, ids=lambda p: str(p.relative_to(ROOT / "functions")))
def test_a_function_imports_shared_and_never_another_function(path: Path) -> None:
    """Lambda's import root is `functions/`, the local platform's is above: both work by this."""
    roots = {name.partition(".")[0] for name in imports(path) if name not in SHIPPED_BESIDE}
    assert roots - set(sys.stdlib_module_names) <= {"shared", *THIRD_PARTY}


def test_only_the_store_speaks_sql() -> None:
    folders = [ROOT / name for name in ("functions", "shared", "infra", "cli/c2d", "benchmarks")]
    files = [path for folder in folders for path in folder.rglob("*.py")]
    speak = {
        str(path.relative_to(ROOT))
        for path in files
        if any(name.partition(".")[0] == "sqlalchemy" for name in imports(path))
    }
    assert {path for path in speak if not path.startswith(SPEAKS_SQL)} == set()
    assert any(path.startswith(SPEAKS_SQL[0]) for path in speak)

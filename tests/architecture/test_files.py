"""Limits that keep files readable, and words that must not be in them."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("functions", "shared", "infra", "cli/c2d", "benchmarks")
GENERATED = ("infra/migrations/versions",)
FILES = sorted(
    path
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if not str(path.relative_to(ROOT)).startswith(GENERATED)
)
FILE_LINES, FUNCTION_LINES = 300, 40
DECLARATIONS = ("cli/c2d/commands",)
"""Commands declare their options as parameters: their bodies count, not their signatures."""


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> int:
    begin = function.lineno
    if str(path.relative_to(ROOT)).startswith(DECLARATIONS):
        begin = function.body[0].lineno
    return (function.end_lineno or begin) - begin + 1


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= FILE_LINES
    assert ast.get_docstring(ast.parse(text)) or not text.strip()
    long = {f.name: lines(f, path) for f in functions(path) if lines(f, path) > FUNCTION_LINES}
    assert long == {}


def test_only_adapters_speak_sql() -> None:
    spoken = [
        str(path.relative_to(ROOT))
        for path in FILES
        if "import sqlalchemy" in path.read_text() or "from sqlalchemy" in path.read_text()
    ]
    allowed = ("shared/adapters/", "infra/migrations/", "shared/bootstrap.py")
    assert [path for path in spoken if not path.startswith(allowed)] == []


def test_no_path_of_a_machine_and_no_registry_host_is_committed() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    forbidden = ["registry." + "npmjs.org", "files." + "pythonhosted.org", "deb." + "debian.org",
                 "/work" + "/main", "/root/" + ".pyenv"]  # fmt: skip
    found = []
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".png", ".ico"} or not path.is_file():
            continue
        text = path.read_text(errors="ignore")
        found += [(name, word) for word in forbidden if word in text]
    assert found == []

"""Limits that keep files readable, and words that must not be in them."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.split("\0")
    if name and (ROOT / name).is_file()
]
GENERATED = ("infra/migrations/versions",)
EXAMPLES = ("examples",)
PYTHON = [
    path
    for path in TRACKED
    if path.suffix == ".py" and not str(path.relative_to(ROOT)).startswith(GENERATED + EXAMPLES)
]
FILE_LINES, FUNCTION_LINES = 300, 40
DECLARATIONS = ("cli/c2d/commands",)
"""Commands declare their options as parameters: their bodies count, not their signatures."""
BINARY = {".png", ".ico", ".gz", ".zip", ".whl"}
FORBIDDEN = re.compile(
    "|".join(
        [
            r"registry\.(npmjs|yarnpkg)\.",
            r"files\.python" + "hosted",
            r"pypi\.(org|python)",
            r"(deb|security)\.debian\.",
            r"archive\.ubuntu\.",
            r"/(work|Users|home/\w+)/(main|shared|click-to-deploy)\b",
            r"\.pyenv/",
        ]
    )
)


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef, path: Path) -> int:
    begin = function.lineno
    if str(path.relative_to(ROOT)).startswith(DECLARATIONS):
        begin = function.body[0].lineno
    return (function.end_lineno or begin) - begin + 1


@pytest.mark.parametrize("path", PYTHON, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= FILE_LINES
    assert ast.get_docstring(ast.parse(text)) or not text.strip()
    long = {f.name: lines(f, path) for f in functions(path) if lines(f, path) > FUNCTION_LINES}
    assert long == {}


def test_no_path_of_a_machine_and_no_registry_host_is_committed() -> None:
    assert len(TRACKED) > 400
    found = [
        f"{path.relative_to(ROOT)}: {hit[0]}"
        for path in TRACKED
        if path.suffix not in BINARY and path != Path(__file__)
        for hit in [FORBIDDEN.search(path.read_text(errors="ignore"))]
        if hit
    ]
    assert found == []

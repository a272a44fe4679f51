"""What a program of ours is made of: the modules it imports, and the packages of others."""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
OURS: Final = frozenset({"infra", "shared", "functions"})


@dataclass(frozen=True, slots=True)
class Closure:
    """`files` are relative to the repository, `packages` top-level names of others' packages."""

    files: tuple[str, ...]
    packages: tuple[str, ...]


def closure(modules: Iterable[str]) -> Closure:
    """Everything `modules` import, directly or not, in functions too."""
    files: set[Path] = set()
    packages: set[str] = set()
    waiting = list(modules)
    while waiting:
        found = _file(waiting.pop())
        if found is None or found in files:
            continue
        files |= {found, *_package_files(found)}
        for name in _imports(found):
            top = name.partition(".")[0]
            if top in OURS:
                waiting.append(name)
            elif top not in sys.stdlib_module_names:
                packages.add(top)
    inside = sorted(str(file.relative_to(ROOT)) for file in files)
    return Closure(tuple(inside), tuple(sorted(packages)))


def _file(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _package_files(file: Path) -> Iterator[Path]:
    for folder in file.relative_to(ROOT).parents:
        package = ROOT / folder / "__init__.py"
        if package.is_file():
            yield package


def _imports(file: Path) -> Iterator[str]:
    for node in _run(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node of the code that runs: not what is for type checkers alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            waiting.extend(ast.iter_child_nodes(node))

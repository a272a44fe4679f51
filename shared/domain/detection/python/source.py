"""Finds the application object of a Python web framework by reading the source."""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from shared.domain.detection.context import Context
from shared.domain.detection.tree import folder_of

MAX_SOURCES: Final = 400
CONSTRUCTORS: Final = {
    "flask.Flask": "Flask",
    "flask.app.Flask": "Flask",
    "apiflask.APIFlask": "Flask",
    "quart.Quart": "Quart",
    "fastapi.FastAPI": "FastAPI",
    "fastapi.applications.FastAPI": "FastAPI",
    "starlette.applications.Starlette": "Starlette",
    "litestar.Litestar": "Litestar",
    "litestar.app.Litestar": "Litestar",
    "sanic.Sanic": "Sanic",
    "bottle.Bottle": "Bottle",
    "falcon.App": "Falcon",
    "falcon.API": "Falcon",
    "falcon.asgi.App": "Falcon ASGI",
    "dash.Dash": "Dash",
}
_CLASS_NAMES: Final = tuple(sorted({name.rpartition(".")[2] for name in CONSTRUCTORS}))
_MENTIONS: Final = re.compile(rf"\b(?:{'|'.join(_CLASS_NAMES)})\b|_(?:app|application|api)\(")
_NOT_THE_APP: Final = re.compile(
    r"(?:^|/)(?:tests?|testing|docs?|docs_src|examples?|samples?|migrations|scripts|benchmarks?"
    r"|site-packages|build|dist|vendor|_vendor|[^/]*templates?|[^/]*\{\{[^/]*)/|(?:^|/)(?:test_[^/]*|conftest|setup"
    r"|noxfile|tasks|[^/]*_tests?)\.py$"
)
_FILE_ORDER: Final = ("main", "app", "wsgi", "asgi", "server", "application", "api", "run")
_OBJECT_ORDER: Final = ("app", "application", "api", "server", "asgi_app")
_FACTORY: Final = re.compile(r"^(?:create|make|build|get|init)_(?:\w+_)?(?:app|application|api)$")


@dataclass(frozen=True, slots=True)
class AppObject:
    """A framework's application: where it lies and how a server imports it.

    `folder` goes on the import path; `is_factory` means the name is to be called.
    """

    framework: str
    path: str
    folder: str
    module: str
    name: str
    is_factory: bool = False

    @property
    def target(self) -> str:
        return f"{self.module}:{self.name}"


@dataclass(frozen=True, slots=True)
class _Found:
    framework: str | None
    name: str
    rank: int
    calls: str | None = None


def sources(context: Context) -> list[str]:
    """Python files that may hold the app, the likeliest first."""
    files = [p for p in context.tree.paths() if p.endswith(".py") and not _NOT_THE_APP.search(p)]
    return sorted(files, key=_file_rank)[:MAX_SOURCES]


def find_app(context: Context) -> AppObject | None:
    """The application object of the likeliest file, module-level ones before factories."""
    found: list[tuple[tuple[int, int, int], str, _Found]] = []
    framework_of_factory: dict[str, str] = {}
    for path in sources(context):
        text = context.read(path)
        if not _MENTIONS.search(text):
            continue
        for item in _scan(text):
            if item.rank == 2 and item.framework:
                framework_of_factory.setdefault(item.name, item.framework)
            found.append(((item.rank == 2, *_file_rank(path)[:2]), path, item))
    for _, path, item in sorted(found, key=lambda entry: (entry[0], _object_rank(entry[2].name))):
        framework = item.framework or framework_of_factory.get(item.calls or "")
        if framework:
            return _app_object(context, path, framework, item)
    return None


def import_place(context: Context, path: str) -> tuple[str, str]:
    """(folder, module): the folder that must be on the import path, the module's dotted name.

    The folder is the first one upwards without `__init__.py`, so that `src/shop/main.py` is
    `shop.main` from `src`. A bare file in a top folder without one (`backend/main.py`) is taken
    as `backend.main` unless it imports its neighbours by their bare names, and a package in such
    a folder as a part of it when it names itself so.
    """
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts.pop()
    top = len(parts) - 1
    while top > 0 and context.has("/".join(parts[:top]) + "/__init__.py"):
        top -= 1
    folder = "/".join(parts[:top])
    module = ".".join(parts[top:])
    if not folder or "/" in folder or folder == "src":
        return folder, module
    directly_inside = "." not in module and not _imports_neighbours(context, path)
    if directly_inside or _names_itself(context.read(path), folder):
        return "", f"{folder}.{module}"
    return folder, module


def _names_itself(text: str, folder: str) -> bool:
    """Whether a module speaks of `folder` as a package, in an import or a settings string."""
    return folder in _imported_roots(text) or f'"{folder}.' in text or f"'{folder}." in text


def _imports_neighbours(context: Context, path: str) -> bool:
    folder = folder_of(path)
    for name in _imported_roots(context.read(path)):
        beside = context.has(f"{folder}/{name}.py") or context.has(f"{folder}/{name}/__init__.py")
        at_root = context.has(f"{name}.py") or context.has(f"{name}/__init__.py")
        if beside and not at_root:
            return True
    return False


def _imported_roots(text: str) -> Iterator[str]:
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)


def _app_object(context: Context, path: str, framework: str, item: _Found) -> AppObject:
    folder, module = import_place(context, path)
    return AppObject(framework, path, folder, module, item.name, is_factory=item.rank == 2)


def _file_rank(path: str) -> tuple[int, int, str]:
    name = path.rpartition("/")[2].removesuffix(".py")
    order = _FILE_ORDER.index(name) if name in _FILE_ORDER else len(_FILE_ORDER)
    return path.removeprefix("src/").count("/"), order, path


def _object_rank(name: str) -> int:
    return _OBJECT_ORDER.index(name) if name in _OBJECT_ORDER else len(_OBJECT_ORDER)


def parse(text: str) -> ast.Module:
    """The syntax tree; an empty one for what is no Python 3, without its author's warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ast.Module(body=[], type_ignores=[])


def _scan(text: str) -> Iterator[_Found]:
    """Ranks: 0 constructed at module level, 1 a factory called there, 2 a factory."""
    module = parse(text)
    names = _import_map(module)
    for statement in _module_level(module.body):
        if isinstance(statement, ast.FunctionDef):
            yield from _factory(statement, names)
            continue
        target, value = _assignment(statement)
        if target is None or not isinstance(value, ast.Call):
            continue
        called = _qualified(value.func, names)
        framework = CONSTRUCTORS.get(called)
        if framework:
            yield _Found(framework, target, 0)
        elif _FACTORY.match(called.rpartition(".")[2]):
            yield _Found(None, target, 1, calls=called.rpartition(".")[2])


def _factory(function: ast.FunctionDef, names: dict[str, str]) -> Iterator[_Found]:
    arguments = function.args
    required = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    needs_keyword = any(default is None for default in arguments.kw_defaults)
    if not _FACTORY.match(function.name) or required or needs_keyword:
        return
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            framework = CONSTRUCTORS.get(_qualified(node.func, names))
            if framework:
                yield _Found(framework, function.name, 2)
                return


def _module_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run at import, also those inside `if` and `try`, but no `__main__` guard."""
    for statement in body:
        yield statement
        if (
            isinstance(statement, ast.If) and "__main__" not in ast.dump(statement.test)
        ) or isinstance(statement, ast.Try):
            yield from _module_level(statement.body + statement.orelse)


def _assignment(statement: ast.stmt) -> tuple[str | None, ast.expr | None]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, statement.value
    return None, None


def _import_map(module: ast.Module) -> dict[str, str]:
    """Local name to the dotted name it stands for; star imports bring the known classes."""
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name if alias.asname else alias.name.split(".")[0]
                names[alias.asname or root] = root
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if alias.name == "*":
                    names |= {c: f"{node.module}.{c}" for c in _CLASS_NAMES}
                else:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _qualified(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(parts)])

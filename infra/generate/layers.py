"""Which layers a function gets: those with the packages that its code can import."""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, Final

from infra.generate.functions import ROOT, Function

FOLDER: Final = ROOT / "layers"
MIGRATIONS: Final = ROOT / "infra" / "migrations"
LAYERS: Final = {
    "core": "Pydantic",
    "web": "The same and FastAPI: endpoints have it instead of core",
    "database": "SQLAlchemy and psycopg",
    "crypto": "Cryptography and PyJWT",
    "git": "The clients of the Git providers",
    "migrations": "Alembic and the schema's migrations",
    "shared": "The library",
}
"""Layer → what is in it. Lambda takes five per function: hence web instead of core."""
MOST: Final = 5
ONE_MACHINE: Final = ("shared.adapters.asl", "shared.adapters.dbos", "shared.adapters.docker")
"""What AWS has others for: Step Functions runs the machines, agents hold the engines."""
BY_LAMBDA: Final = frozenset({"boto3", "botocore"})
_ROOT_MODULE: Final = "shared.bootstrap"


def of_function(function: Function) -> list[str]:
    """Their names, in the order of LAYERS."""
    needed = {"shared"}
    for holding in sorted((_holding(package) for package in packages(function)), key=len):
        if needed.isdisjoint(holding):
            needed.add(holding[0])
    return [layer for layer in LAYERS if layer in needed]


def references(function: Function) -> list[dict[str, str]]:
    """The same as a function's property `Layers`."""
    return [{"Ref": parameter(layer)} for layer in of_function(function)]


def parameter(layer: str) -> str:
    """The nested stacks' parameter that has the layer's ARN."""
    return f"{layer.title()}Layer"


def parameters(resources: Mapping[str, Any]) -> dict[str, str]:
    """Those that these resources refer to, with their descriptions."""
    used = {
        reference["Ref"]
        for resource in resources.values()
        for reference in resource.get("Properties", {}).get("Layers", [])
    }
    return {
        parameter(layer): f"ARN of the layer {layer}: {text[0].lower()}{text[1:]}"
        for layer, text in LAYERS.items()
        if parameter(layer) in used
    }


def packages(function: Function) -> frozenset[str]:
    """Names of third-party packages that it can come to import, as Lambda runs it."""
    named = {name.partition(".")[0] for name in _reached(function) if _file(name) is None}
    return frozenset(named - BY_LAMBDA - sys.stdlib_module_names)


def modules(function: Function) -> frozenset[str]:
    """Our own modules that it can come to import; its own file is `functions.…`."""
    return frozenset(name for name in _reached(function) if _file(name))


@cache
def _reached(function: Function) -> frozenset[str]:
    wanted = {
        f"functions.{function.handler.removesuffix('.handler')}",
        *_imported_by_providers(function),
    }
    found = set[str]()
    while wanted:
        name = wanted.pop()
        if name in found or name.startswith(ONE_MACHINE):
            continue
        found.add(name)
        if _file(name) and name != _ROOT_MODULE:
            wanted |= _imports(name)
    return frozenset(found)


@cache
def distributions(layer: str) -> dict[str, str]:
    """What a layer is built from: distribution → its version."""
    folder = MIGRATIONS if layer == "migrations" else FOLDER / layer
    lines = (folder / "requirements.txt").read_text().split()
    return {_canonical(name): version for name, _, version in (x.partition("==") for x in lines)}


def _holding(package: str) -> list[str]:
    """The layers that have it; what only one has decides first."""
    names = {_canonical(name) for name in _installed()[package]}
    holding = [x for x in LAYERS if x != "shared" and names & distributions(x).keys()]
    if not holding:
        raise LookupError(f"{package} is imported by a function and in no layer")
    return holding


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def _imported_by_providers(function: Function) -> Iterator[str]:
    """What the composition root imports for the ports that a function asks for."""
    tree = _tree(_ROOT_MODULE)
    for node in tree.body:
        if not isinstance(node, ast.FunctionDef) or node.name in function.ports:
            yield from _in(node)


@cache
def _imports(module: str) -> frozenset[str]:
    parents = module.split(".")
    above = {".".join(parents[:count]) for count in range(1, len(parents))}
    return frozenset({*_in(_tree(module)), *above})


def _in(node: ast.AST) -> Iterator[str]:
    """Every import in a node, at whatever level; what only the type checker sees is none."""
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=str(base), names=names):
            yield base
            deeper = (f"{base}.{alias.name}" for alias in names)
            yield from (name for name in deeper if _file(name))
        case _:
            for inner in ast.iter_child_nodes(node):
                yield from _in(inner)


@cache
def _tree(module: str) -> ast.Module:
    path = _file(module)
    assert path is not None, module  # noqa: S101 - only modules with a file are asked for
    return ast.parse(path.read_text())


@cache
def _file(module: str) -> Path | None:
    """The file of one of our own modules."""
    if module.partition(".")[0] not in ("functions", "shared", "infra"):
        return None
    base = ROOT / Path(*module.split("."))
    return next((p for p in (base.with_suffix(".py"), base / "__init__.py") if p.is_file()), None)

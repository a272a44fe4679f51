"""Every function there is: its handler, what it is for, and which ports it asks for."""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from shared import machines
from shared.adapters.local_lambda import substitution
from shared.http import deps
from shared.http.local import modules

ROOT: Final = Path(__file__).parents[2]
LAYERS: Final = ("shared.http.app", "shared.http.admission", "shared.http.identity")
"""What every endpoint runs inside of, with ports of its own."""
WRITE_LAYER: Final = "shared.http.idempotency"
"""What those that write run inside of as well."""


@dataclass(frozen=True, slots=True)
class Function:
    """`handler` is relative to `functions/`.

    `ports` are names of bootstrap's providers: those it asks for, and those these ask in turn.
    """

    name: str
    handler: str
    description: str
    ports: frozenset[str]

    @property
    def logical_id(self) -> str:
        return substitution(self.name)


@dataclass(frozen=True, slots=True)
class Endpoint(Function):
    """`guarded` are those that ask who calls."""

    method: str
    path: str
    guarded: bool = False


def endpoints() -> Iterator[Endpoint]:
    """One per route, in path order of their files."""
    for module_name, module in modules():
        for route in module.router.routes:
            if isinstance(route, APIRoute):
                yield _endpoint(module_name, route)


def _endpoint(module_name: str, route: APIRoute) -> Endpoint:
    [method] = list(route.methods or [])
    layers = LAYERS if method == "GET" else (*LAYERS, WRITE_LAYER)
    around = {port for layer in layers for port in _in_source(layer)}
    name = module_name.removeprefix("functions.")
    return Endpoint(
        name=name,
        handler=f"{name}.handler",
        description=(route.description or "").split("\n")[0],
        ports=_with_theirs({*_providers(route.dependant), *_in_source(module_name), *around}),
        method=method,
        path=route.path_format,
        guarded=_asks_who(route.dependant),
    )


def _providers(dependant: Dependant) -> Iterator[str]:
    for inner in dependant.dependencies:
        if getattr(inner.call, "__module__", "").startswith("shared.http."):
            yield from named_in(inspect.getsource(inner.call))  # type: ignore[arg-type]
        yield from _providers(inner)


def _asks_who(dependant: Dependant) -> bool:
    return any(inner.call is deps.actor or _asks_who(inner) for inner in dependant.dependencies)


def edge() -> Iterator[Function]:
    """What stands before the endpoints."""
    yield _function("edge.authorizer", "edge.authorizer")


def tasks() -> Iterator[Function]:
    """One per function of the state machines."""
    for name in machines.FUNCTIONS:
        yield _function(f"tasks.{name}", name)


def webhooks() -> Iterator[Endpoint]:
    """One per Git provider; they know no router."""
    for path in sorted((ROOT / "functions" / "webhooks").glob("[a-z]*.py")):
        made = _function(f"webhooks.{path.stem}", f"webhooks.{path.stem}")
        yield Endpoint(
            made.name,
            made.handler,
            made.description,
            made.ports,
            method="POST",
            path=f"/webhooks/{path.stem}",
        )


def served() -> Iterator[Endpoint]:
    """What the HTTP API leads to."""
    yield from endpoints()
    yield from webhooks()


def consumers() -> Iterator[Function]:
    """One per queue, named after it."""
    for path in sorted((ROOT / "functions" / "consumers").glob("[a-z]*.py")):
        yield _function(f"consumers.{path.stem}", f"consumers.{path.stem}")


def listeners() -> Iterator[Function]:
    """One per kind of event that AWS announces."""
    for path in sorted((ROOT / "functions" / "events").glob("[a-z]*.py")):
        yield _function(f"events.{path.stem}", f"events.{path.stem}")


def schedules() -> Iterator[Function]:
    """One per schedule."""
    for path in sorted((ROOT / "functions" / "scheduled").glob("[a-z]*.py")):
        yield _function(f"scheduled.{path.stem}", f"scheduled.{path.stem}")


def operations() -> Iterator[Function]:
    """What commands and people call by name."""
    for path in sorted((ROOT / "functions" / "operations").glob("[a-z]*.py")):
        yield _function(f"operations.{path.stem}", f"operations.{path.stem}")


def _function(module: str, name: str) -> Function:
    doc = import_module(f"functions.{module}").__doc__ or ""
    return Function(
        name=name,
        handler=f"{module}.handler",
        description=doc.split("\n")[0],
        ports=_with_theirs(set(_in_source(f"functions.{module}"))),
    )


def _in_source(module: str) -> Iterator[str]:
    yield from named_in((ROOT / Path(*module.split(".")).with_suffix(".py")).read_text())


def named_in(source: str) -> Iterator[str]:
    """The providers that a source asks for itself."""
    for node in ast.walk(ast.parse(textwrap.dedent(source))):
        match node:
            case ast.Attribute(value=ast.Name(id="bootstrap"), attr=provider):
                yield provider


def _with_theirs(ports: set[str]) -> frozenset[str]:
    wanted, found = set(ports), set[str]()
    while wanted:
        port = wanted.pop()
        found.add(port)
        wanted |= _asked_by_providers().get(port, set()) - found
    return frozenset(found)


@cache
def _asked_by_providers() -> dict[str, set[str]]:
    """provider → the other providers that its body calls."""
    tree = ast.parse((ROOT / "shared" / "bootstrap.py").read_text())
    providers = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {
        name: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & providers.keys() - {name}
        for name, node in providers.items()
    }

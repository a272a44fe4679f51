"""Which actions of AWS a function's code can come to: read from the code, more than it ever does.

A graph of names: a function leads to what its body names, a class to all its methods, a provider
of bootstrap to what it makes. At the ends stand the methods of the ports that adapters turn into
calls of AWS. Where the port hides who calls whom, ENDS says it.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
READ: Final = ("shared/usecases", "shared/http", "shared/runtime", "functions")
Place = tuple[str, str]

PORTS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("vault", "seal"): ("kms:GenerateDataKey",),
    ("vault", "open"): ("kms:Decrypt",),
    ("vault", "mark"): ("kms:GenerateDataKey",),
    ("compute", "create"): ("kms:GenerateDataKey",),  # the agent gets variables sealed
    ("workflows", "start"): ("states:StartExecution",),
    ("workflows", "stop"): ("states:DescribeExecution", "states:StopExecution"),
    ("workflows", "describe"): ("states:DescribeExecution",),
    ("workflows", "heartbeat"): ("states:SendTaskHeartbeat",),
    ("queue", "send"): ("sqs:SendMessage",),
    ("queue", "waiting"): ("sqs:GetQueueAttributes",),
    ("queue", "receive"): ("sqs:ReceiveMessage",),
    ("queue", "finish"): ("sqs:DeleteMessage",),
    ("queue", "release"): ("sqs:ChangeMessageVisibility",),
    ("queue", "dead"): ("sqs:ReceiveMessage",),
    ("queue", "redrive"): ("sqs:ReceiveMessage", "sqs:SendMessage", "sqs:DeleteMessage"),
    ("workflows", "succeed"): ("states:SendTaskSuccess",),
    ("workflows", "fail"): ("states:SendTaskFailure",),
}
"""The method of a port by the name it is held under → what its adapter asks of AWS."""
_ANSWERED: Final = ("kms:Decrypt",)
ENDS: Final[Mapping[Place, str]] = {
    ("shared.usecases.answers", "send"): "who makes an Answer says whether it is a failure",
    ("shared.http.idempotency", "Idempotency"): "only for writes of a known caller",
}


@dataclass
class _Module:
    tree: ast.Module
    imports: dict[str, Place] = field(default_factory=dict)
    names: dict[str, ast.AST] = field(default_factory=dict)


def actions(function: str, *, writes: bool) -> dict[str, str]:
    """Actions that `functions.<function>` can come to → where; `writes` for callers' changes."""
    module = f"functions.{function}"
    waiting = [(module, name) for name in _modules()[module].names]
    if function.startswith("api."):
        waiting += [("shared.http.app", name) for name in _modules()["shared.http.app"].names]
    if writes:
        waiting += [
            ("shared.usecases.idempotency", name) for name in ("begin", "finish", "_answer")
        ]
    seen: set[Place] = set()
    found: dict[str, str] = {}
    while waiting:
        place = waiting.pop()
        if place in seen or place in ENDS:
            continue
        seen.add(place)
        for action in _taken(place):
            found.setdefault(action, ".".join(place))
        waiting += _named(place)
    return found


@cache
def _modules() -> dict[str, _Module]:
    files = [path for folder in READ for path in (ROOT / folder).rglob("*.py")]
    made = {}
    for path in [*files, ROOT / "shared" / "bootstrap.py"]:
        module = _Module(ast.parse(path.read_text()))
        module.imports = dict(_imported(module.tree.body))
        module.names = {name: node for node in module.tree.body for name in _defined(node)}
        made[".".join(path.relative_to(ROOT).with_suffix("").parts)] = module
    return made


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _imported(nodes: list[ast.stmt]) -> Iterator[tuple[str, Place]]:
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, (node.module, alias.name)


def _taken(place: Place) -> Iterator[str]:
    answers = _known(place).get("Answer") == ("shared.usecases.answers", "Answer")
    for node in ast.walk(_node(place)):
        match node:
            case ast.Call(func=ast.Name(id="Answer"), keywords=keywords) if answers:
                failure = any(keyword.arg == "error" for keyword in keywords)
                yield from _ANSWERED
                yield "states:SendTaskFailure" if failure else "states:SendTaskSuccess"
            case ast.Attribute(value=held, attr=method):
                yield from PORTS.get((_last_name(held), method), ())


def _last_name(held: ast.expr) -> str:
    match held:
        case ast.Call(func=made):
            return _last_name(made)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.strip("_").removeprefix("webhook_")
        case _:
            return ""


def _node(place: Place) -> ast.AST:
    return _modules()[place[0]].names[place[1]]


def _named(place: Place) -> Iterator[Place]:
    """What a body leads to: names of its module, and of what it imports, inside it or above."""
    node, known = _node(place), _known(place)
    own = {argument.arg for argument in ast.walk(node) if isinstance(argument, ast.arg)}
    for each in ast.walk(node):
        match each:
            case ast.Name(id=name) if name not in own:
                yield from _existing(known.get(name, (place[0], name)))
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in known:
                yield from _existing((".".join(known[name]), attribute))


def _known(place: Place) -> dict[str, Place]:
    """What its module imports, and what its body does."""
    inner = [n for n in ast.walk(_node(place)) if isinstance(n, ast.stmt)]
    return {**_modules()[place[0]].imports, **dict(_imported(inner))}


def _existing(place: Place) -> Iterator[Place]:
    module = _modules().get(place[0])
    if module is not None and place[1] in module.names:
        yield place

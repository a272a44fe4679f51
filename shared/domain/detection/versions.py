"""Choosing a runtime version that satisfies what a project asks for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

Number: TypeAlias = tuple[int, ...]

_CLAUSE: Final = re.compile(r"(===|==|~=|!=|>=|<=|>|<|\^|~|=)?\s*v?(\d+(?:\.(?:\d+|[xX*]))*|[xX*])")
_HYPHEN: Final = re.compile(r"v?(\d[\w.]*)\s+-\s+v?(\d[\w.]*)")
_MAX: Final = 10**6


@dataclass(frozen=True, slots=True)
class Choice:
    """A version line and whether the constraint really allows it."""

    version: str
    satisfied: bool


def numbers(version: str) -> Number:
    """The leading numbers of a version: `v3.11.4-slim` gives (3, 11, 4)."""
    match = re.search(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def choose(constraint: str, known: Sequence[str], default: str) -> Choice:
    """The known line nearest to `default` that `constraint` allows.

    Understands PEP 440, Poetry and npm ranges (`>=3.8,<4`, `^20`, `18 || 20`, `20.x`, `3.11.*`).
    A line such as `3.11` is allowed when any of its patch releases would be. Where none is,
    the nearest known line to the asked one comes back unsatisfied.
    """
    order = sorted(known, key=numbers)
    allowed = [line for line in order if _allows(constraint, numbers(line))]
    if default in allowed or not constraint.strip():
        return Choice(default, satisfied=True)
    home = order.index(default) if default in order else 0
    if allowed:
        return Choice(min(allowed, key=lambda v: abs(order.index(v) - home)), satisfied=True)
    return Choice(_nearest(constraint, order) or default, satisfied=False)


def _nearest(constraint: str, order: Sequence[str]) -> str | None:
    wanted = numbers(constraint)
    if not wanted:
        return None
    below = [line for line in order if numbers(line) <= wanted[: len(numbers(line))]]
    return below[-1] if below else order[0]


def _allows(constraint: str, line: Number) -> bool:
    """Whether some release of a line (its numbers are a prefix) meets the constraint."""
    text = _HYPHEN.sub(r">=\1 <=\2", constraint)
    return any(_range_allows(part, line) for part in re.split(r"\|\|?", text))


def _range_allows(part: str, line: Number) -> bool:
    clauses = _CLAUSE.findall(part)
    if not clauses:
        return part.strip() in {"", "*", "x", "latest", "node"}
    low: Number = ()
    high: Number = (_MAX,)
    for operator, version in clauses:
        if operator == "!=":
            if _prefix(version) == line:
                return False
            continue
        clause_low, clause_high = _bounds(operator, version)
        low, high = max(low, clause_low), min(high, clause_high)
    first = line
    after = (*line[:-1], line[-1] + 1)
    return low < after and first < high and low < high


def _prefix(version: str) -> Number:
    parts = re.split(r"\.[xX*]", version)[0]
    return numbers(parts)


def _bounds(operator: str, version: str) -> tuple[Number, Number]:
    """Half-open interval [low, high) of the versions one clause allows."""
    prefix = _prefix(version)
    if not prefix:
        return (), (_MAX,)
    wildcard = prefix != numbers(version) or bool(re.search(r"[xX*]", version))
    whole = wildcard or len(prefix) == 1
    bounds: dict[str, tuple[Number, Number]] = {
        ">=": (prefix, (_MAX,)),
        ">": (_next(prefix) if whole else prefix, (_MAX,)),
        "<": ((), prefix),
        "<=": ((), _next(prefix)),
        "^": (prefix, _caret(prefix)),
        "~=": (prefix, _next(prefix[: max(1, len(prefix) - 1)])),
        "~": (prefix, _next(prefix[:2])),
    }
    return bounds.get(operator, (prefix, _next(prefix)))


def _next(prefix: Number) -> Number:
    return (*prefix[:-1], prefix[-1] + 1)


def _caret(prefix: Number) -> Number:
    for index, part in enumerate(prefix):
        if part or index == len(prefix) - 1:
            return _next(prefix[: index + 1])
    return _next(prefix)

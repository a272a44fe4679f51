"""Reading a definition's fields one by one, so that what nobody read is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from shared.adapters.asl.definition import InvalidDefinition, Seconds
from shared.adapters.asl.expressions import (
    ExpressionRefused,
    check,
    expressions,
    is_expression,
)
from shared.ports.workflows import JSON

T = TypeVar("T")

INPUT = frozenset({"input", "context"})
RESULT = INPUT | {"result"}
ERROR = INPUT | {"errorOutput"}

_JSONPATH = frozenset({"InputPath", "OutputPath", "Parameters", "ResultPath", "ResultSelector"})


@dataclass
class Fields:
    """The fields of one object at `place` of state `state`; `variables` gathers what is read."""

    source: str
    state: str | None
    raw: Mapping[str, JSON]
    place: str = ""
    variables: set[str] = field(default_factory=set)
    _read: set[str] = field(default_factory=set)

    def refuse(self, name: str | None, reason: str) -> NoReturn:
        path = ".".join(part for part in (self.place, name) if part)
        raise InvalidDefinition(self.source, self.state, path or None, reason)

    def has(self, name: str) -> bool:
        return name in self.raw

    def optional(self, name: str, kind: type[T]) -> T | None:
        self._read.add(name)
        if name not in self.raw:
            return None
        value = self.raw[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.refuse(name, f"must be a {kind.__name__}, not {value!r}")
        return value

    def required(self, name: str, kind: type[T]) -> T:
        value = self.optional(name, kind)
        if value is None:
            self.refuse(name, "is required")
        return value

    def text(self, name: str, scope: frozenset[str] = INPUT) -> str:
        """A literal or an expression that gives one."""
        value = self.required(name, str)
        self.check(name, value, scope)
        return value

    def number(self, name: str, default: float | None, minimum: float) -> float:
        """A number; without a default it is required."""
        self._read.add(name)
        if default is None and name not in self.raw:
            self.refuse(name, "is required")
        value = self.raw.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < minimum:
            self.refuse(name, f"must be a number of at least {minimum:g}, not {value!r}")
        return value

    def count(self, name: str, default: int | None, minimum: int) -> int:
        value = self.number(name, default, minimum)
        if not isinstance(value, int):
            self.refuse(name, f"must be a whole number, not {value!r}")
        return value

    def seconds(self, name: str, minimum: int = 1) -> Seconds:
        """A whole number, or an expression over the state's input."""
        value = self.raw.get(name)
        if isinstance(value, str) and is_expression(value):
            return self.text(name)
        return self.count(name, None, minimum)

    def json(self, name: str, scope: frozenset[str], *, token: bool = False) -> JSON:
        self._read.add(name)
        value = self.raw[name]
        self.check(name, value, scope, token=token)
        return value

    def check(
        self, name: str, template: JSON, scope: frozenset[str], *, token: bool = False
    ) -> None:
        for expression in expressions(template):
            try:
                self.variables |= check(expression, scope, token=token)
            except ExpressionRefused as error:
                self.refuse(name, str(error))

    def inner(self, name: str, raw: JSON) -> "Fields":
        """The fields of an object inside this one."""
        self._read.add(name.partition("[")[0])
        path = ".".join(part for part in (self.place, name) if part)
        if not isinstance(raw, dict):
            self.refuse(name, f"must be an object, not {raw!r}")
        return Fields(self.source, self.state, raw, path, self.variables)

    def items(self, name: str) -> "list[Fields]":
        """The objects of a list inside this one; an absent list is an empty one."""
        listed = self.optional(name, list) or []
        return [self.inner(f"{name}[{index}]", raw) for index, raw in enumerate(listed)]

    def end(self) -> None:
        """Refuse what was not read."""
        for name in self.raw:
            if name in _JSONPATH:
                self.refuse(name, "belongs to JSONPath; definitions here are JSONata")
            if name not in self._read:
                self.refuse(name, "is outside the declared subset")

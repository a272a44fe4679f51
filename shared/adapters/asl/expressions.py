"""The part of JSONata that definitions may use: checked when they load, evaluated when they run.

Paths, `$merge`, `$exists`, `$not`, `$string`, `$substring`, comparisons, `and`, `or`, `in`,
`&`, `+`, `-`, conditionals, objects and lists. Every engine in reach evaluates with one library,
so the subset is kept to what the language's own documentation settles.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonata import Jsonata
from jsonata.jexception import JException
from jsonata.parser import Parser
from jsonata.utils import Utils

from shared.ports.workflows import JSON

FUNCTIONS: Final = frozenset({"merge", "exists", "not", "string", "substring"})
OPERATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">=", "and", "or", "in", "&", "+", "-"})
STATES_FIELDS: Final = frozenset({"input", "result", "errorOutput", "context"})
CONTEXT_PATHS: Final = frozenset(
    {
        ("Execution", "Id"),
        ("Execution", "Name"),
        ("Execution", "Input"),
        ("State", "Name"),
        ("State", "RetryCount"),
        ("Task", "Token"),
    }
)
TOKEN: Final = ("Task", "Token")
_LITERALS: Final = frozenset({"string", "number", "value"})
_REFUSED_PARTS: Final = ("predicate", "stages", "group", "focus", "index", "keep_array")


class ExpressionRefused(ValueError):
    """Not an expression, or not one of the subset."""


class QueryFailed(Exception):
    """An expression met data it cannot be evaluated on."""


def is_expression(text: str) -> bool:
    return text.startswith("{%") and text.endswith("%}")


def expressions(template: JSON) -> Iterator[str]:
    """Every expression inside `template`, without its marks."""
    if isinstance(template, str) and is_expression(template):
        yield template[2:-2].strip()
    elif isinstance(template, dict):
        for value in template.values():
            yield from expressions(value)
    elif isinstance(template, list):
        for value in template:
            yield from expressions(value)


def check(expression: str, fields: frozenset[str], *, token: bool = False) -> frozenset[str]:
    """Refuse what is outside the subset; return the names of the variables it reads.

    `fields` are the fields of `$states` that exist where the expression stands; `token` says
    whether a task token does. Raises ExpressionRefused.
    """
    try:
        tree = Parser().parse(expression)
    except JException as error:
        raise ExpressionRefused(f"{expression!r} is not JSONata: {error}") from error
    checker = _Checker(expression, fields, token)
    checker.visit(tree)
    return frozenset(checker.variables)


class _Checker:
    def __init__(self, expression: str, fields: frozenset[str], token: bool) -> None:
        self._expression = expression
        self._fields = fields
        self._token = token
        self.variables: set[str] = set()

    def visit(self, node: Any) -> None:
        for part in _REFUSED_PARTS:
            if getattr(node, part, None):
                self._refuse(f"a {part} is outside the subset")
        if node.type not in _LITERALS:
            visit = getattr(self, f"_visit_{node.type}", None)
            if visit is None:
                self._refuse(f"{node.type} is outside the subset")
            else:
                visit(node)

    def _visit_variable(self, node: Any) -> None:
        self._path(node.value, ())

    def _visit_path(self, node: Any) -> None:
        first, *rest = node.steps
        if first.type != "variable":
            self._refuse("a path starts with a variable: `$states.input.…` or an assigned one")
        for step in node.steps:
            if any(getattr(step, part, None) for part in _REFUSED_PARTS):
                self._refuse("a path is names only: no index, filter, sort or grouping")
        if any(step.type != "name" for step in rest):
            self._refuse("a path is names only")
        self._path(first.value, tuple(step.value for step in rest))

    def _path(self, variable: str, steps: tuple[str, ...]) -> None:
        if variable != "states":
            if not variable:
                self._refuse("there is no `$` context: start from `$states` or a variable")
            self.variables.add(variable)
            return
        field = steps[0] if steps else ""
        if field not in STATES_FIELDS:
            self._refuse(f"`$states.{field}` is outside the subset")
        if field not in self._fields:
            self._refuse(f"`$states.{field}` does not exist here")
        if field == "context":
            self._context(steps[1:3])

    def _context(self, path: tuple[str, ...]) -> None:
        if path not in CONTEXT_PATHS:
            self._refuse(f"`$states.context.{'.'.join(path)}` is outside the subset")
        if path == TOKEN and not self._token:
            self._refuse("there is no task token here")

    def _visit_binary(self, node: Any) -> None:
        if node.value not in OPERATORS:
            self._refuse(f"the operator {node.value} is outside the subset")
        self.visit(node.lhs)
        self.visit(node.rhs)

    def _visit_unary(self, node: Any) -> None:
        if node.value == "{":
            for key, value in node.lhs_object:
                self.visit(key)
                self.visit(value)
        elif node.value == "[":
            for item in node.expressions:
                self.visit(item)
        else:
            self._refuse(f"the operator {node.value} is outside the subset")

    def _visit_condition(self, node: Any) -> None:
        for part in (node.condition, node.then, node._else):
            if part is not None:
                self.visit(part)

    def _visit_block(self, node: Any) -> None:
        if len(node.expressions) != 1:
            self._refuse("several expressions in parentheses are outside the subset")
        self.visit(node.expressions[0])

    def _visit_function(self, node: Any) -> None:
        name = node.procedure.value if node.procedure.type == "variable" else None
        if name not in FUNCTIONS:
            self._refuse(f"the function ${name} is outside the subset")
        for argument in node.arguments:
            self.visit(argument)

    def _refuse(self, reason: str) -> None:
        raise ExpressionRefused(f"{self._expression!r}: {reason}")


class Evaluator:
    """Evaluates templates. Keeps compiled expressions, which one thread at a time may use."""

    def __init__(self) -> None:
        self._compiled: dict[str, Jsonata] = {}

    def evaluate(self, template: JSON, bindings: Mapping[str, Any]) -> JSON:
        """`template` with every expression replaced by its value.

        Raises QueryFailed when one has no value (JSONata's undefined) or cannot be evaluated.
        """
        if isinstance(template, str):
            return self._expression(template, bindings) if is_expression(template) else template
        if isinstance(template, dict):
            return {key: self.evaluate(value, bindings) for key, value in template.items()}
        if isinstance(template, list):
            return [self.evaluate(value, bindings) for value in template]
        return template

    def condition(self, template: str, bindings: Mapping[str, Any]) -> bool:
        """A condition's verdict. Raises QueryFailed when it is not a boolean."""
        value = self.evaluate(template, bindings)
        if not isinstance(value, bool):
            raise QueryFailed(f"{template} is not a boolean but {type(value).__name__}")
        return value

    def seconds(self, template: int | str, bindings: Mapping[str, Any]) -> int:
        """A number of seconds. Raises QueryFailed when it is not a whole number of at least 0."""
        value = self.evaluate(template, bindings)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise QueryFailed(f"{template} is not a whole number of seconds")
        return value

    def _expression(self, text: str, bindings: Mapping[str, Any]) -> JSON:
        try:
            value = self._compile(text).evaluate({}, _bound(bindings))
        except (JException, TypeError, ValueError, RecursionError) as error:
            raise QueryFailed(f"{text}: {error}") from error
        if value is None:
            raise QueryFailed(f"{text} has no value")
        return _plain(value)

    def _compile(self, text: str) -> Jsonata:
        if text not in self._compiled:
            compiled = Jsonata(text[2:-2].strip())
            compiled.set_output_convert_nulls(False)
            self._compiled[text] = compiled
        return self._compiled[text]


def _bound(bindings: Mapping[str, Any]) -> dict[str, Any]:
    """The library takes a variable that is None for one that does not exist."""
    return {name: Utils.NULL_VALUE if value is None else value for name, value in bindings.items()}


def _plain(value: Any) -> JSON:
    """Ordinary lists and None, where the library has its own."""
    if value is None or value is Utils.NULL_VALUE:
        return None
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    plain: JSON = value
    return plain

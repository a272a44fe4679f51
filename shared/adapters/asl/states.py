"""From the fields of a state to the state."""

from collections.abc import Callable, Mapping
from typing import Final

from shared.adapters.asl.definition import (
    WAITS_FOR_TOKEN,
    Catcher,
    Choice,
    Fail,
    Leaving,
    Pass,
    Resource,
    Retrier,
    Rule,
    State,
    Succeed,
    Task,
    Template,
    Wait,
)
from shared.adapters.asl.expressions import is_expression
from shared.adapters.asl.fields import ERROR, INPUT, RESULT, Fields
from shared.ports.workflows import JSON

LEASE_WAITS: Final = frozenset({"AcquireLease"})
"""States that wait in line for a lease: nobody works for them meanwhile, so nobody beats."""

_ARGUMENTS: Final[dict[Resource, tuple[frozenset[str], frozenset[str]]]] = {
    Resource.INVOKE: (frozenset({"FunctionName", "Payload"}), frozenset()),
    Resource.INVOKE_AND_WAIT: (frozenset({"FunctionName", "Payload"}), frozenset()),
    Resource.SEND_AND_WAIT: (frozenset({"QueueUrl", "MessageBody"}), frozenset()),
    Resource.RUN_EXECUTION: (frozenset({"StateMachineArn", "Input"}), frozenset({"Name"})),
}
"""Per resource: the arguments it must have, and those it may have."""


def parse_state(fields: Fields) -> State:
    """Raises InvalidDefinition."""
    kind = fields.required("Type", str)
    if kind in {"Parallel", "Map"}:
        fields.refuse("Type", f"{kind} is not yet supported")
    if kind not in _PARSERS:
        fields.refuse("Type", f"{kind} is outside the declared subset")
    fields.optional("Comment", str)
    if fields.optional("QueryLanguage", str) not in {None, "JSONata"}:
        fields.refuse("QueryLanguage", "must be JSONata")
    state = _PARSERS[kind](fields)
    fields.end()
    return state


def _task(fields: Fields) -> Task:
    resource = _resource(fields)
    waits = resource in WAITS_FOR_TOKEN
    arguments = _arguments(fields, resource)
    timeout = fields.seconds("TimeoutSeconds")
    heartbeat = fields.seconds("HeartbeatSeconds") if fields.has("HeartbeatSeconds") else None
    if heartbeat is not None and not waits:
        fields.refuse("HeartbeatSeconds", "only a state that waits for a task token has heartbeats")
    if waits and heartbeat is None and fields.state not in LEASE_WAITS:
        fields.refuse("HeartbeatSeconds", "is required where an agent or a person is waited for")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        fields.refuse("HeartbeatSeconds", "must be smaller than TimeoutSeconds")
    return Task(
        resource,
        arguments,
        timeout,
        heartbeat,
        tuple(_retrier(retrier) for retrier in fields.items("Retry")),
        tuple(_catcher(catcher) for catcher in fields.items("Catch")),
        _leaving(fields, RESULT),
    )


def _resource(fields: Fields) -> Resource:
    name = fields.required("Resource", str)
    try:
        return Resource(name)
    except ValueError:
        fields.refuse("Resource", f"{name} is not one of {', '.join(Resource)}")


def _arguments(fields: Fields, resource: Resource) -> Mapping[str, JSON]:
    inner = fields.inner("Arguments", fields.required("Arguments", dict))
    needed, allowed = _ARGUMENTS[resource]
    for name in sorted(needed - inner.raw.keys()):
        inner.refuse(name, "is required")
    token = resource in WAITS_FOR_TOKEN
    arguments = {
        name: inner.json(name, INPUT, token=token) for name in inner.raw if name in needed | allowed
    }
    inner.end()
    return arguments


def _retrier(fields: Fields) -> Retrier:
    jitter = fields.optional("JitterStrategy", str) or "NONE"
    if jitter not in {"FULL", "NONE"}:
        fields.refuse("JitterStrategy", f"must be FULL or NONE, not {jitter}")
    limit = fields.count("MaxDelaySeconds", 0, 1) if fields.has("MaxDelaySeconds") else None
    retrier = Retrier(
        _errors(fields),
        fields.count("IntervalSeconds", 1, 1),
        fields.count("MaxAttempts", 3, 0),
        fields.number("BackoffRate", 2.0, 1.0),
        limit,
        jitter == "FULL",
    )
    fields.optional("Comment", str)
    fields.end()
    return retrier


def _catcher(fields: Fields) -> Catcher:
    catcher = Catcher(_errors(fields), _onward(fields, ERROR))
    fields.optional("Comment", str)
    fields.end()
    return catcher


def _errors(fields: Fields) -> tuple[str, ...]:
    errors = fields.required("ErrorEquals", list)
    if not errors or not all(isinstance(error, str) for error in errors):
        fields.refuse("ErrorEquals", "must list error names")
    if "States.ALL" in errors and len(errors) > 1:
        fields.refuse("ErrorEquals", "States.ALL stands alone")
    return tuple(errors)


def _choice(fields: Fields) -> Choice:
    rules = tuple(_rule(rule) for rule in fields.items("Choices"))
    if not rules:
        fields.refuse("Choices", "is required")
    output, assign = _output(fields, INPUT), _assign(fields, INPUT)
    following = fields.optional("Default", str)
    if following is None and (output or assign):
        fields.refuse("Default", "is required: Output and Assign here belong to it")
    return Choice(rules, Leaving(following, output, assign) if following else None)


def _rule(fields: Fields) -> Rule:
    condition = fields.text("Condition")
    if not is_expression(condition):
        fields.refuse("Condition", "must be an expression")
    rule = Rule(condition, _onward(fields, INPUT))
    fields.optional("Comment", str)
    fields.end()
    return rule


def _wait(fields: Fields) -> Wait:
    return Wait(fields.seconds("Seconds", minimum=0), _leaving(fields, INPUT))


def _pass(fields: Fields) -> Pass:
    return Pass(_leaving(fields, INPUT))


def _succeed(fields: Fields) -> Succeed:
    return Succeed(_output(fields, INPUT))


def _fail(fields: Fields) -> Fail:
    return Fail(fields.text("Error"), fields.text("Cause"))


def _leaving(fields: Fields, scope: frozenset[str]) -> Leaving:
    """Output and Assign with either Next or End."""
    ends = fields.optional("End", bool)
    if ends is False:
        fields.refuse("End", "is true or absent")
    if ends and fields.has("Next"):
        fields.refuse("End", "stands beside Next: one of them")
    following = None if ends else fields.required("Next", str)
    return Leaving(following, _output(fields, scope), _assign(fields, scope))


def _onward(fields: Fields, scope: frozenset[str]) -> Leaving:
    """Output and Assign with Next."""
    return Leaving(fields.required("Next", str), _output(fields, scope), _assign(fields, scope))


def _output(fields: Fields, scope: frozenset[str]) -> Template | None:
    return Template(fields.json("Output", scope)) if fields.has("Output") else None


def _assign(fields: Fields, scope: frozenset[str]) -> Mapping[str, JSON]:
    assign: dict[str, JSON] = fields.optional("Assign", dict) or {}
    if "states" in assign:
        fields.refuse("Assign", "`states` is reserved")
    fields.check("Assign", assign, scope)
    return assign


_PARSERS: Final[dict[str, Callable[[Fields], State]]] = {
    "Task": _task,
    "Choice": _choice,
    "Wait": _wait,
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
}

"""Definitions from their files, refused with a place and a reason when outside the subset."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

from shared.adapters.asl.definition import (
    Choice,
    Definition,
    Fail,
    InvalidDefinition,
    Leaving,
    Resource,
    State,
    Succeed,
    Task,
)
from shared.adapters.asl.expressions import is_expression
from shared.adapters.asl.fields import Fields
from shared.adapters.asl.states import parse_state
from shared.ports.workflows import JSON

SUFFIX: Final = ".asl.yaml"
_SUBSTITUTION: Final = re.compile(r"\$\{([A-Za-z0-9_]+)\}")


def load_folder(folder: Path, substitutions: Mapping[str, str | int]) -> dict[str, Definition]:
    """Every machine of `folder`, by its file's name without the suffix.

    Raises InvalidDefinition, also when a state runs a machine that is not in the folder.
    """
    machines = {
        path.name.removesuffix(SUFFIX): load_file(path, substitutions)
        for path in sorted(folder.glob(f"*{SUFFIX}"))
    }
    for machine in machines.values():
        for name, state in machine.states.items():
            _check_nested(machine, name, state, machines)
    return machines


def load_file(path: Path, substitutions: Mapping[str, str | int]) -> Definition:
    """One machine. `${Name}` is replaced in the text, before YAML sees it.

    Raises InvalidDefinition.
    """
    text = path.read_text(encoding="utf-8")
    missing = sorted(set(_SUBSTITUTION.findall(text)) - substitutions.keys())
    if missing:
        raise InvalidDefinition(
            path.name, None, None, f"no value for the substitution {', '.join(missing)}"
        )
    filled = _SUBSTITUTION.sub(lambda match: str(substitutions[match.group(1)]), text)
    try:
        document = yaml.safe_load(filled)
    except yaml.YAMLError as error:
        raise InvalidDefinition(path.name, None, None, f"not YAML: {error}") from error
    return parse(document, path.name.removesuffix(SUFFIX), source=path.name)


def parse(document: JSON, name: str, source: str | None = None) -> Definition:
    """A machine from its document. Raises InvalidDefinition, naming `source`."""
    where = source or name
    if not isinstance(document, dict):
        raise InvalidDefinition(where, None, None, "must be an object")
    fields = Fields(where, None, document)
    if fields.required("QueryLanguage", str) != "JSONata":
        fields.refuse("QueryLanguage", "must be JSONata")
    fields.optional("Comment", str)
    fields.optional("Version", str)
    raw_states = fields.required("States", dict)
    states = {
        state: parse_state(_state_fields(fields, state, raw)) for state, raw in raw_states.items()
    }
    definition = Definition(
        name,
        fields.required("StartAt", str),
        fields.count("TimeoutSeconds", None, 1),
        states,
        document,
    )
    fields.end()
    _check_graph(fields, definition)
    _check_variables(fields, definition)
    return definition


def leavings(state: State) -> Iterator[Leaving]:
    """Every way a state can be left."""
    if isinstance(state, Choice):
        yield from (rule.leaving for rule in state.rules)
        if state.default:
            yield state.default
    elif not isinstance(state, Succeed | Fail):
        yield state.leaving
        if isinstance(state, Task):
            yield from (catcher.leaving for catcher in state.catch)


def _state_fields(fields: Fields, state: str, raw: JSON) -> Fields:
    if not isinstance(raw, dict):
        raise InvalidDefinition(fields.source, state, None, "must be an object")
    return Fields(fields.source, state, raw, variables=fields.variables)


def _check_graph(fields: Fields, definition: Definition) -> None:
    """Every named state exists, is reachable, and an end is in reach of every state."""
    states = definition.states
    if definition.start_at not in states:
        fields.refuse("StartAt", f"there is no state {definition.start_at}")
    onward = {
        name: {leaving.next for leaving in leavings(state) if leaving.next}
        for name, state in states.items()
    }
    for name, targets in onward.items():
        for target in sorted(targets - states.keys()):
            raise InvalidDefinition(fields.source, name, None, f"there is no state {target}")
    reached = _closure({definition.start_at}, onward)
    for name in sorted(states.keys() - reached):
        raise InvalidDefinition(fields.source, name, None, "is never reached")
    backward = {
        name: {source for source, targets in onward.items() if name in targets} for name in states
    }
    ends = {name for name, state in states.items() if _can_end(state)}
    for name in sorted(states.keys() - _closure(ends, backward)):
        raise InvalidDefinition(fields.source, name, None, "no end can be reached from here")


def _can_end(state: State) -> bool:
    return isinstance(state, Succeed | Fail) or any(
        leaving.next is None for leaving in leavings(state)
    )


def _closure(start: set[str], edges: Mapping[str, set[str]]) -> set[str]:
    reached, frontier = set(start), set(start)
    while frontier:
        frontier = {target for name in frontier for target in edges[name]} - reached
        reached |= frontier
    return reached


def _check_variables(fields: Fields, definition: Definition) -> None:
    """What an expression reads is assigned somewhere."""
    assigned = {
        variable
        for state in definition.states.values()
        for leaving in leavings(state)
        for variable in leaving.assign
    }
    for variable in sorted(fields.variables - assigned):
        fields.refuse(None, f"the variable ${variable} is read but never assigned")


def _check_nested(
    machine: Definition, name: str, state: State, machines: Mapping[str, Definition]
) -> None:
    if not isinstance(state, Task) or state.resource is not Resource.RUN_EXECUTION:
        return
    target = state.arguments["StateMachineArn"]
    literal = isinstance(target, str) and not is_expression(target)
    if literal and machine_name(str(target)) not in machines:
        source = f"{machine.name}{SUFFIX}"
        raise InvalidDefinition(source, name, "StateMachineArn", f"no machine {target}")


def machine_name(reference: str) -> str:
    """A machine's name, of an ARN or of itself."""
    return reference.rpartition(":")[2]

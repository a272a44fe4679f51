"""What is wrong with a state machine in the Amazon States Language, beyond its form."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

Document = dict[str, Any]
ENDS: Final = {"Succeed", "Fail"}
RESOURCES: Final = {
    "arn:aws:states:::lambda:invoke",
    "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "arn:aws:states:::states:startExecution.sync:2",
}
_ONLY_JSONPATH: Final = {"Parameters", "ResultPath", "ResultSelector", "InputPath", "OutputPath"}
_VARIABLE: Final = re.compile(r"\$([a-z_]\w*)")
_GIVEN: Final = {"states", "merge", "exists", "substring", "string"}


def problems(machine: Document) -> list[str]:
    """Empty for a machine that can run as it is meant to."""
    states: dict[str, Document] = machine["States"]
    found = [] if "TimeoutSeconds" in machine else ["the machine has no time limit"]
    found += _missing(machine, states)
    if found and any("no state" in text for text in found):
        return found
    reached = _reachable(machine["StartAt"], states)
    found += [f"{name} is never reached" for name in states if name not in reached]
    found += [f"{name} never ends" for name in reached if not _ends(name, states)]
    for name, state in states.items():
        found += [f"{name} {text}" for text in chain(_form(state), _task(state), _rules(state))]
    return found + list(_unassigned(machine["StartAt"], states))


def _missing(machine: Document, states: dict[str, Document]) -> Iterator[str]:
    named = [("StartAt", machine["StartAt"])]
    named += [(name, target) for name, state in states.items() for target, _ in _edges(state)]
    for place, target in named:
        if target not in states:
            yield f"{place} leads to no state: {target}"


def _edges(state: Document) -> Iterator[tuple[str, Document]]:
    """Where a state may lead, and what it assigns on the way."""
    if "Next" in state:
        yield state["Next"], state.get("Assign", {})
    for choice in state.get("Choices", []):
        yield choice["Next"], choice.get("Assign", {})
    if "Default" in state:
        yield state["Default"], state.get("Assign", {})
    for caught in state.get("Catch", []):
        yield caught["Next"], caught.get("Assign", {})


def _reachable(start: str, states: dict[str, Document]) -> set[str]:
    found, left = set[str](), [start]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [target for target, _ in _edges(states[name])]
    return found


def _ends(name: str, states: dict[str, Document]) -> bool:
    reached = _reachable(name, states)
    return any(states[n]["Type"] in ENDS or states[n].get("End") for n in reached)


def _form(state: Document) -> Iterator[str]:
    if wrong := _ONLY_JSONPATH & state.keys():
        yield f"has {', '.join(sorted(wrong))}, which JSONata knows nothing of"
    leads = [key for key in ("Next", "End") if key in state]
    expected = 0 if state["Type"] in {*ENDS, "Choice"} else 1
    if len(leads) != expected:
        yield f"has {' and '.join(leads) or 'neither Next nor End'}"
    if state["Type"] == "Choice" and "Default" not in state:
        yield "has no Default: States.NoChoiceMatched"


def _task(state: Document) -> Iterator[str]:
    if state["Type"] != "Task":
        return
    if "TimeoutSeconds" not in state:
        yield "has no time limit"
    if state["Resource"] not in RESOURCES:
        yield f"calls {state['Resource']}, for which no policy is made"
    waits = state["Resource"].endswith(".waitForTaskToken")
    if waits != ("Task.Token" in str(state.get("Arguments"))):
        yield "hands out a token that nobody waits for, or waits for one it does not hand out"
    limit, beat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
    if isinstance(limit, int) and isinstance(beat, int) and beat >= limit:
        yield "has a heartbeat that is not shorter than its time limit"


def _rules(state: Document) -> Iterator[str]:
    for kind in ("Retry", "Catch"):
        rules = state.get(kind, [])
        for position, rule in enumerate(rules):
            names = rule["ErrorEquals"]
            if "States.ALL" in names and (len(names) > 1 or position < len(rules) - 1):
                yield f"has States.ALL not alone and last in {kind}"
    for rule in state.get("Retry", []):
        yield from _pace(rule)


def _pace(rule: Document) -> Iterator[str]:
    first = rule.get("IntervalSeconds", 1)
    if not 1 <= rule.get("MaxAttempts", 3) <= 99_999_999:
        yield "retries a number of times that AWS does not take"
    if rule.get("BackoffRate", 2) < 1 or first < 1:
        yield "retries faster and faster"
    if rule.get("MaxDelaySeconds", first + 1) <= first:
        yield "has a longest delay that is not longer than the first"
    if rule.get("JitterStrategy", "NONE") not in {"FULL", "NONE"}:
        yield "has a jitter that AWS does not know"


def _unassigned(start: str, states: dict[str, Document]) -> Iterator[str]:
    """Variables that a state reads and that some way to it has not assigned."""
    known: dict[str, set[str]] = {start: set()}
    left = [start]
    while left:
        name = left.pop()
        for target, assigned in _edges(states[name]):
            brought = known[name] | set(assigned)
            before = known.get(target)
            after = brought if before is None else before & brought
            if after != before:
                known[target] = after
                left.append(target)
    for name, there in known.items():
        read = set(_VARIABLE.findall(str(_without_assignments(states[name])))) - _GIVEN
        for variable in sorted(read - there):
            yield f"{name} reads ${variable}, which a way to it does not assign"


def _without_assignments(state: Document) -> Document:
    return {key: value for key, value in state.items() if key not in ("Assign", "Catch", "Comment")}

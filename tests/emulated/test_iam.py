"""What functions may do at AWS is what they do: no more, no less."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.generate import policies
from infra.generate.functions import Function
from shared.adapters.kms import KmsVault
from shared.adapters.sqs import SqsQueue
from shared.adapters.step_functions import StepFunctions
from tests.emulated import iam
from tests.emulated.reachable import PORTS, actions

FUNCTIONS = {function.logical_id: function for function in iam.every()}
OTHERWISE = {"rds-db:connect"}
"""The database's proxy asks for it when a connection is made: no call that could be seen."""


def allowed(function: Function) -> set[str]:
    """The actions in its policy, as the stacks have it."""
    return set(_actions(policies.of_function(function))) - OTHERWISE


def _actions(node: Any) -> Iterator[str]:
    match node:
        case {"Action": list(named)}:
            yield from named
        case dict():
            yield from _actions(list(node.values()))
        case list():
            for inner in node:
                yield from _actions(inner)


@pytest.fixture(scope="module")
def recorded() -> dict[str, set[str]]:
    return iam.record(list(FUNCTIONS.values()))


@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_every_call_is_allowed_and_every_allowed_action_is_taken(
    recorded: dict[str, set[str]],
) -> None:
    differences = {
        name: {"not allowed": taken - may, "never taken": may - taken}
        for name, taken in recorded.items()
        if taken != (may := allowed(FUNCTIONS[name]))
    }
    print(f"{sum(map(len, recorded.values()))} actions of {len(recorded)} functions", flush=True)
    assert differences == {}


@pytest.mark.postgres
@pytest.mark.timeout(900)
def test_the_stacks_were_generated_from_what_is_taken(recorded: dict[str, set[str]]) -> None:
    """`python -m tests.emulated.iam` writes it, then `make template`."""
    assert policies.RECORDED.read_text() == iam.rendered(recorded)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_that_the_code_can_come_to_is_allowed(name: str) -> None:
    """Also what no test has met: read from the code."""
    function = FUNCTIONS[name]
    possible = actions(iam.path_name(function), writes=iam.writes(function))
    lacking = {
        action: place for action, place in possible.items() if action not in allowed(function)
    }
    assert lacking == {}


@pytest.mark.parametrize(
    ("held", "adapter"), [("queue", SqsQueue), ("vault", KmsVault), ("workflows", StepFunctions)]
)
def test_the_reading_knows_every_method_of_a_port(held: str, adapter: type) -> None:
    methods = {name for name in vars(adapter) if not name.startswith("_")}
    assert methods == {method for name, method in PORTS if name == held}


def test_no_function_is_forgotten_in_the_recording() -> None:
    assert set(json.loads(policies.RECORDED.read_text())) == set(FUNCTIONS)

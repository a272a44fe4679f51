"""What functions may do at AWS is what they do: no more, no less."""

import json

import pytest

from infra.generate import policies
from shared.adapters.kms import KmsVault
from shared.adapters.sqs import SqsQueue
from shared.adapters.step_functions import StepFunctions
from tests.emulated import iam
from tests.emulated.allowed import allowed
from tests.emulated.reachable import PORTS, actions

FUNCTIONS = {function.logical_id: function for function in iam.every()}


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

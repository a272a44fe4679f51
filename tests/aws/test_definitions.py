"""An execution finishes on the definition it began with, whatever is deployed meanwhile."""

import json
from typing import Any

from tests.aws.conftest import Aws
from tests.workflows.deadlines import eventually

ROLE = "arn:aws:iam::000000000000:role/workflows"
MACHINE = "arn:aws:states:eu-central-1:000000000000:stateMachine:upgraded"


def definition(release: str) -> str:
    """Waits, and says which release's definition it is."""
    says = {"Type": "Pass", "Result": {"release": release}, "End": True}
    wait = {"Type": "Wait", "Seconds": 1, "Next": "Says"}
    return json.dumps({"StartAt": "Wait", "States": {"Wait": wait, "Says": says}})


def test_an_execution_that_runs_while_a_release_is_deployed_ends_as_it_began(aws: Aws) -> None:
    """The alias leads to a version, as the stacks publish one with every change."""
    states = aws.client("stepfunctions")
    made = states.create_state_machine(
        name="upgraded", definition=definition("old"), roleArn=ROLE, publish=True
    )
    alias = states.create_state_machine_alias(
        name="live", routingConfiguration=_all(made["stateMachineVersionArn"])
    )["stateMachineAliasArn"]
    before = states.start_execution(stateMachineArn=alias, name="before", input="{}")

    eventually(lambda: _waits(states, before["executionArn"]), "it waits")
    new = states.update_state_machine(
        stateMachineArn=MACHINE, definition=definition("new"), publish=True
    )
    version = new["stateMachineVersionArn"]
    states.update_state_machine_alias(
        stateMachineAliasArn=alias, routingConfiguration=_all(version)
    )
    after = states.start_execution(stateMachineArn=alias, name="after", input="{}")

    assert _ended(states, before["executionArn"]) == {"release": "old"}
    assert _ended(states, after["executionArn"]) == {"release": "new"}


def _all(version: str) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": version, "weight": 100}]


def _waits(states: Any, arn: str) -> bool:
    events = states.get_execution_history(executionArn=arn)["events"]
    return any(event["type"] == "WaitStateEntered" for event in events)


def _ended(states: Any, arn: str) -> dict[str, Any]:
    def output() -> str | None:
        found = states.describe_execution(executionArn=arn)
        assert found["status"] in {"RUNNING", "SUCCEEDED"}, found
        return found.get("output")

    return dict(json.loads(eventually(output, f"{arn} ends", 30)))

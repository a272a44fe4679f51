"""Executions that are started through the alias of a machine, on an emulator.

It starts nested machines by their own names only: there the stack's texts are compared.
"""

from typing import Any
from uuid import uuid4

import pytest

from shared.adapters.step_functions import StepFunctions
from shared.ports.workflows import ExecutionStatus
from tests.workflows.deadlines import ended, eventually
from tests.workflows.machines import document, token_task
from tests.workflows.ministack import MACHINES as MACHINE_ARN
from tests.workflows.ministack import MiniStack, ministack
from tests.workflows.script import Ignore, Script

__all__ = ["ministack"]

WAITING = {"T": token_task("sfa-t")}
CHANGED = {"T": token_task("sfa-t"), "More": {"Type": "Pass", "Output": "of the new release"}}


def published(stack: MiniStack, name: str, states: dict[str, Any]) -> str:
    """The machine with these states, as a version that its alias leads to: the alias's ARN."""
    stack.create({name: document(states)}, ["sfa-t"])
    alias = f"{MACHINE_ARN}{name}:live"
    version = stack.states.publish_state_machine_version(stateMachineArn=MACHINE_ARN + name)
    routing = [{"stateMachineVersionArn": version["stateMachineVersionArn"], "weight": 100}]
    known = stack.states.list_state_machine_aliases(stateMachineArn=MACHINE_ARN + name)
    if known["stateMachineAliases"]:
        stack.states.update_state_machine_alias(
            stateMachineAliasArn=alias, routingConfiguration=routing
        )
    else:
        stack.states.create_state_machine_alias(name="live", routingConfiguration=routing)
    return alias


@pytest.fixture
def name() -> str:
    return str(uuid4())


@pytest.fixture
def workflows(ministack: MiniStack) -> StepFunctions:
    machine = f"sfa-{uuid4().hex[:8]}"
    ministack.invoke = Script({"sfa-t": [Ignore()]})
    return StepFunctions(ministack.states, {machine: published(ministack, machine, WAITING)})


def machine_of(workflows: StepFunctions) -> str:
    [machine] = workflows._arns
    return machine


def token_of(stack: MiniStack) -> str:
    script = stack.invoke
    assert isinstance(script, Script)
    token: str = eventually(lambda: script.payloads, "the token arrives")[0]["task_token"]
    return token


def test_what_an_alias_started_is_found_stopped_and_started_once(
    workflows: StepFunctions, name: str
) -> None:
    machine = machine_of(workflows)
    workflows.start(machine, name, {"x": 1})
    workflows.start(machine, name, {"x": 1})

    found = workflows.describe(name)
    assert found is not None
    assert (found.machine, found.status) == (machine, ExecutionStatus.RUNNING)

    workflows.stop(name, "Cancelled", "by hand")
    assert ended(workflows, name).status is ExecutionStatus.ABORTED


def test_an_execution_finishes_on_the_definition_it_started_with(
    ministack: MiniStack, workflows: StepFunctions, name: str
) -> None:
    machine = machine_of(workflows)
    workflows.start(machine, name, {})
    token = token_of(ministack)

    published(ministack, machine, CHANGED)
    workflows.succeed(token, {"of": "the old release"})
    assert ended(workflows, name).output == {"of": "the old release"}

    later = str(uuid4())
    ministack.invoke = Script({"sfa-t": [Ignore()]})
    workflows.start(machine, later, {})
    workflows.succeed(token_of(ministack), {})
    assert ended(workflows, later).output == "of the new release"

"""State machines, functions, stacks and errors agree on their names and keep their limits."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml

from infra.generate import stacks
from infra.generate.events import EXTRA, TASK
from shared import machines
from shared.adapters.asl.loading import load_folder
from shared.domain import errors
from shared.domain.deployments import Entry
from shared.machines import substitutions
from shared.settings import Timeouts
from shared.usecases import rollbacks
from tests.usecases.world import ORGANIZATION, World

FOLDER = Path(__file__).parents[2] / "infra" / "workflows"
MACHINES = sorted(FOLDER.glob("*.asl.yaml"))
OURS = {name for name, value in vars(errors).items() if isinstance(value, type)}
AWS = ("States.", "Lambda.")
LIMIT = 4096
ADDED = {"lease", "retry", "execution", "task_token", "pre_deploy", "error", "cause"}
LONGEST = {
    "lease": 2**31,
    "retry": 2**31,
    "execution": "x" * 80,
    "task_token": "t" * 1024,
    "pre_deploy": True,
}
CAUGHT = {"error": "e" * 256, "cause": '"' * 1500}
each_machine = pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.name)


def states(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["States"])


def named_errors(state: dict[str, Any]) -> Iterator[str]:
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        yield from rule["ErrorEquals"]


def keys_of(path: Path) -> set[str]:
    return set(re.findall(r"\$\{(\w+)\}", path.read_text()))


def name_of(path: Path) -> str:
    return path.name.partition(".")[0]


@each_machine
def test_every_named_error_exists(path: Path) -> None:
    named = {e for s in states(path).values() for e in named_errors(s) if not e.startswith(AWS)}
    assert named <= OURS


@each_machine
def test_every_function_call_retries_what_is_transient(path: Path) -> None:
    calls = {n: s for n, s in states(path).items() if "lambda:invoke" in s.get("Resource", "")}
    assert calls
    forgotten = [
        name
        for name, state in calls.items()
        if not {"Transient", "States.ALL"}
        & {e for r in state.get("Retry", []) for e in r["ErrorEquals"]}
    ]
    assert forgotten == []


@each_machine
def test_every_task_has_a_time_limit(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    tasks = [s for s in document["States"].values() if s["Type"] == "Task"]
    assert all("TimeoutSeconds" in task for task in [document, *tasks])


def test_the_machines_load_with_the_local_substitutions() -> None:
    loaded = load_folder(FOLDER, substitutions(Timeouts()))
    assert set(loaded) == set(machines.MACHINES) == {name_of(path) for path in MACHINES}


def test_every_function_is_used_by_a_machine() -> None:
    used = set().union(*map(keys_of, MACHINES))
    unused = set(substitutions(Timeouts())) - used
    assert unused == {"DeployMachine", "RollbackMachine"}, "machines that only people start"


@each_machine
def test_every_substitution_resolves_locally_and_in_the_stack(path: Path) -> None:
    resources = yaml.safe_load((stacks.FOLDER / "workflows.yaml").read_text())["Resources"]
    mine = resources[f"{name_of(path).title()}Machine"]["Properties"]
    given = mine["DefinitionSubstitutions"]
    assert given.keys() == keys_of(path) <= substitutions(Timeouts()).keys()
    machines = {
        r["Properties"]["Name"]["Fn::Sub"]
        for r in resources.values()
        if r["Type"] == "AWS::Serverless::StateMachine"
    }
    for key, value in given.items():
        match value:
            case {"Fn::GetAtt": [name, "Arn"]}:
                assert name == key
                assert resources[name]["Type"] == "AWS::Serverless::Function"
            case {"Fn::Sub": arn}:
                assert arn.rpartition(":")[2].removesuffix("${Qualifier}") in machines, key
                assert arn.endswith("${Qualifier}"), "executions start through the alias"
            case _:
                assert value > 0, key


@each_machine
def test_a_machine_may_invoke_its_own_functions_and_start_its_nested_machines_only(
    path: Path,
) -> None:
    resources = yaml.safe_load((stacks.FOLDER / "workflows.yaml").read_text())["Resources"]
    policy, traces = resources[f"{name_of(path).title()}Machine"]["Properties"]["Policies"]
    assert traces == "AWSXRayDaemonWriteAccess"
    by_action = {a: s["Resource"] for s in policy["Statement"] for a in s["Action"]}
    own = {key for key in keys_of(path) if key in resources and "Machine" not in key}
    assert {r["Fn::GetAtt"][0] for r in by_action["lambda:InvokeFunction"]} == own
    started = {r["Fn::Sub"].rpartition("-")[2] for r in by_action.get("states:StartExecution", [])}
    assert started == {k.removesuffix("Machine").lower() for k in keys_of(path) if "Machine" in k}


def test_errors_are_a_flat_tree() -> None:
    """Step Functions matches class names exactly: a subclass would never be caught."""
    tree = [value for value in vars(errors).values() if isinstance(value, type)]
    children = [e for e in tree if issubclass(e, errors.PlatformError)]
    assert {e.__bases__ for e in children} == {(Exception,), (errors.PlatformError,)}


def started() -> Iterator[dict[str, Any]]:
    """What executions are started with: two deployments and a rollback."""
    world = World()
    service = world.service()
    first = world.deploy(service)
    world.go_live(first)
    world.go_live(world.deploy(service), image="sha256:two")
    rollbacks.rollback(ORGANIZATION, service.id, first.id, actor="ada", **world.line)
    assert len(world.workflows.inputs) == 3
    yield from map(dict, world.workflows.inputs.values())


def test_executions_are_started_with_ids_and_numbers_only() -> None:
    for given in started():
        assert given.keys() <= TASK.keys()
        ids = [value for key, value in given.items() if key.endswith("_id")]
        assert [str(UUID(value)) for value in ids] == ids
        rest = {key: value for key, value in given.items() if not key.endswith("_id")}
        assert set(map(type, rest.values())) <= {int, str}
        assert rest["entry"] in set(Entry)


@each_machine
def test_what_a_machine_adds_is_listed_and_cut(path: Path) -> None:
    text = path.read_text()
    added = {
        key
        for merged in re.findall(r"\$merge\(.*", text)
        for key in re.findall(r"'(\w+)':", merged)
    }
    assert added <= ADDED
    causes = re.findall(r"cause: .*", text)
    assert all("$substring($states.errorOutput.Cause, 0, 1500)" in cause for cause in causes)


def test_what_executions_carry_stays_under_4_kib() -> None:
    for given in started():
        assert len(json.dumps({**given, **LONGEST})) < LIMIT
        assert len(json.dumps({**given, **CAUGHT})) < LIMIT


def test_sample_events_hold_what_machines_hand_over() -> None:
    for extra in EXTRA.values():
        assert extra.keys() <= ADDED
    [given, *_] = started()
    assert TASK.keys() <= given.keys() | ADDED

"""State machines, functions and errors agree on their names and keep their limits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.generate.events import EXTRA, TASK
from shared import bootstrap
from shared.adapters.asl.loading import load_folder
from shared.domain import errors

FOLDER = Path(__file__).parents[2] / "infra" / "workflows"
MACHINES = sorted(FOLDER.glob("*.asl.yaml"))
OURS = {name for name, value in vars(errors).items() if isinstance(value, type)}
AWS = ("States.", "Lambda.")


def states(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["States"])


def named_errors(state: dict[str, Any]) -> Iterator[str]:
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        yield from rule["ErrorEquals"]


@pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.name)
def test_every_named_error_exists(path: Path) -> None:
    named = {e for s in states(path).values() for e in named_errors(s) if not e.startswith(AWS)}
    assert named <= OURS


@pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.name)
def test_every_function_call_retries_what_is_transient(path: Path) -> None:
    calls = {n: s for n, s in states(path).items() if "lambda:invoke" in s.get("Resource", "")}
    forgotten = [
        name
        for name, state in calls.items()
        if not {"Transient", "States.ALL"}
        & {e for r in state.get("Retry", []) for e in r["ErrorEquals"]}
    ]
    assert forgotten == []


@pytest.mark.parametrize("path", MACHINES, ids=lambda p: p.name)
def test_every_task_has_a_time_limit(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    tasks = [s for s in document["States"].values() if s["Type"] == "Task"]
    assert all("TimeoutSeconds" in task for task in [document, *tasks])


def test_the_machines_load_with_the_local_substitutions() -> None:
    machines = load_folder(FOLDER, bootstrap.substitutions())
    assert set(machines) == set(bootstrap.MACHINES)


def test_every_function_is_used_by_a_machine() -> None:
    text = "".join(path.read_text() for path in MACHINES)
    unused = [k for k in bootstrap.substitutions() if f"${{{k}}}" not in text]
    assert unused == ["DeployMachine", "RollbackMachine"], "machines that only people start"


def test_errors_are_a_flat_tree() -> None:
    """Step Functions matches class names exactly: a subclass would never be caught."""
    tree = [value for value in vars(errors).values() if isinstance(value, type)]
    children = [e for e in tree if issubclass(e, errors.PlatformError)]
    assert {e.__bases__ for e in children} == {(Exception,), (errors.PlatformError,)}


def test_what_executions_carry_is_small_and_holds_no_values() -> None:
    for extra in [{}, *EXTRA.values()]:
        payload = {**TASK, **extra, "task_token": "t" * 1024}
        assert len(json.dumps(payload)) < 4096
        assert set(payload) <= {*TASK, "error", "cause"}

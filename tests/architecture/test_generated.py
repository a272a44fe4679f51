"""What is generated from the code is what is committed."""

import json

import pytest
import yaml

from infra.generate import events, stacks
from infra.generate.functions import endpoints, schedules, tasks
from shared.runtime.tasks import AttemptInput


@pytest.mark.parametrize("path", stacks.render(), ids=lambda p: p.name)
def test_a_stack_is_what_the_code_says(path) -> None:  # type: ignore[no-untyped-def]
    assert path.read_text() == stacks.render()[path], "run `make template`"


def test_every_function_has_its_event() -> None:
    wanted = events.render()
    assert {path: path.read_text() for path in wanted} == wanted, "run `make template`"
    assert set(events.FOLDER.rglob("*.json")) == set(wanted)


def test_every_route_is_one_function_of_the_stack() -> None:
    stack = yaml.safe_load((stacks.FOLDER / "api.yaml").read_text())["Resources"]
    in_stack = {
        (r["Properties"]["Events"]["Http"]["Properties"]["Method"],
         r["Properties"]["Events"]["Http"]["Properties"]["Path"],
         r["Properties"]["Handler"])
        for r in stack.values()
        if r["Type"] == "AWS::Serverless::Function"
    }  # fmt: skip
    in_code = {(e.method, e.path, e.handler) for e in endpoints()}
    assert in_stack == in_code
    assert len(stack) < 160, "a stack has at most 500 resources once expanded"


def test_only_functions_that_ask_for_the_engine_may_touch_it() -> None:
    for file, functions in (("api", endpoints), ("workflows", tasks), ("schedules", schedules)):
        resources = yaml.safe_load((stacks.FOLDER / f"{file}.yaml").read_text())["Resources"]
        for function in functions():
            allowed = "Policies" in resources[function.logical_id]["Properties"]
            assert allowed == ("workflows" in function.ports), function.name


def test_no_policy_allows_everything() -> None:
    for path in stacks.render():
        assert '"*"' not in json.dumps(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("name", [f"tasks.{t.name}" for t in tasks()])
def test_a_tasks_event_fits_its_input(name: str) -> None:
    event = json.loads(events.path_of(name).read_text())
    assert AttemptInput.model_validate(event).deployment_id.version == 4

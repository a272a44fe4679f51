"""Routers, functions, stacks, policies and sample events say the same."""

import ast
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.generate import events, stacks
from infra.generate.functions import (
    LAYERS,
    ROOT,
    WRITE_LAYER,
    Function,
    consumers,
    listeners,
    named_in,
    operations,
    schedules,
    served,
    tasks,
    webhooks,
)
from shared.runtime.tasks import AttemptInput
from shared.settings import Settings, Timeouts, read


def consumed() -> Iterator[Function]:
    yield from consumers()
    yield from listeners()


STACKS = {
    "api": served,
    "workflows": tasks,
    "schedules": schedules,
    "consumers": consumed,
    "operations": operations,
}
TEMPLATES = [ROOT / "template.yaml", *sorted(stacks.FOLDER.glob("*.yaml"))]
MOST_RESOURCES = 500
EXPANDED = 3
"""A function becomes itself, its role and the permission to call it."""


def resources(stack: str) -> dict[str, Any]:
    return dict(yaml.safe_load((stacks.FOLDER / f"{stack}.yaml").read_text())["Resources"])


def functions_in(stack: str) -> dict[str, Any]:
    found = resources(stack).items()
    return {k: r["Properties"] for k, r in found if r["Type"] == "AWS::Serverless::Function"}


def every_function() -> Iterator[tuple[Function, dict[str, Any]]]:
    for stack, functions in STACKS.items():
        in_stack = functions_in(stack)
        for function in functions():
            yield function, in_stack[function.logical_id]


def actions(function: dict[str, Any]) -> set[str]:
    policies = [policy for policy in function.get("Policies", []) if "Statement" in policy]
    return {a for policy in policies for s in policy["Statement"] for a in s["Action"]}


@pytest.mark.parametrize("path", stacks.render(), ids=lambda p: p.name)
def test_a_stack_is_what_the_code_says(path: Path) -> None:
    assert path.read_text() == stacks.render()[path], "run `make template`"


def test_every_function_has_its_event_and_every_event_its_function() -> None:
    wanted = events.render()
    assert {path: path.read_text() for path in wanted} == wanted, "run `make template`"
    assert set(events.FOLDER.rglob("*.json")) == set(wanted)


def test_every_route_is_one_function_of_the_stack() -> None:
    def where(function: dict[str, Any]) -> tuple[str, str, str]:
        event = function["Events"]["Http"]["Properties"]
        return event["Method"], event["Path"], function["Handler"]

    in_stack = [where(f) for f in functions_in("api").values() if "Events" in f]
    in_code = [(e.method, e.path, e.handler) for e in served()]
    assert sorted(in_stack) == sorted(in_code)
    assert len(in_code) == len({(method, path) for method, path, _ in in_code})


def test_every_file_of_a_function_is_in_a_stack() -> None:
    folders = {
        "api": ("api", "webhooks", "edge"),
        "workflows": ("tasks",),
        "schedules": ("scheduled",),
        "consumers": ("consumers", "events"),
        "operations": ("operations",),
    }
    for stack, names in folders.items():
        files = [path for name in names for path in (ROOT / "functions" / name).rglob("*.py")]
        written = {
            ".".join(path.relative_to(ROOT / "functions").with_suffix("").parts) + ".handler"
            for path in files
            if path.name != "__init__.py"
        }
        assert {f["Handler"] for f in functions_in(stack).values()} == written


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_stays_below_the_limit_of_resources(stack: str) -> None:
    assert len(functions_in(stack)) * EXPANDED + len(resources(stack)) < MOST_RESOURCES


def test_only_functions_that_ask_for_the_engine_may_touch_it() -> None:
    for function, in_stack in every_function():
        touches = {action for action in actions(in_stack) if action.startswith("states:")}
        assert not touches or "workflows" in function.ports, function.name
    allowed = {function.name: actions(in_stack) for function, in_stack in every_function()}
    assert allowed["api.health.get"] == set()
    assert not {a for a in allowed["api.projects.create"] if a.startswith("states:")}
    assert "states:DescribeExecution" in allowed["api.health.ready"], "asks for it indirectly"
    assert "states:SendTaskSuccess" in allowed["api.agent_jobs.result"]


def test_only_functions_that_ask_for_the_vault_may_use_its_key() -> None:
    for function, in_stack in every_function():
        used = {action for action in actions(in_stack) if action.startswith("kms:")}
        wanted = {"kms:GenerateDataKey", "kms:Decrypt"} if "vault" in function.ports else set()
        assert used <= wanted, function.name


def test_ports_are_asked_for_where_the_generator_looks() -> None:
    """In a signature, the function's own file or a layer: else a policy would be missed."""
    layers = [f"{name.replace('.', '/')}.py" for name in (*LAYERS, WRITE_LAYER)]
    allowed = {ROOT / path for path in ("shared/http/deps.py", "shared/bootstrap.py", *layers)}
    deeper = {
        path: asked
        for path in (ROOT / "shared").rglob("*.py")
        if path not in allowed
        and "bootstrap" in names_imported(path)
        and (asked := set(named_in(path.read_text())) - {"settings"})
    }
    assert deeper == {}


def names_imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= {part for alias in node.names for part in alias.name.split(".")}
            found |= set((getattr(node, "module", None) or "").split("."))
    return found


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_what_is_allowed_on_everything_says_why_on_its_line(path: Path) -> None:
    broad = re.compile(r"""(Resource|Action):.*['"]?\*['"]?|^\s*- ['"]\*['"]""")
    lines = [line for line in path.read_text().splitlines() if broad.search(line)]
    assert [line for line in lines if not re.search(r"'\*' # \w+ .+", line)] == []
    assert not re.search(r"(Action|- )\W*\w+:\*", path.read_text()), "no service as a whole"


def test_the_environment_of_a_function_is_text() -> None:
    for stack in STACKS:
        document = yaml.safe_load((stacks.FOLDER / f"{stack}.yaml").read_text())
        variables = document["Globals"]["Function"]["Environment"]["Variables"]
        assert {type(v) for v in variables.values()} <= {str, dict}
        given = {k: v for k, v in variables.items() if isinstance(v, str)}
        assert read(given).workflows == "step_functions", "the settings take it"
        known = {f"C2D_{name.upper()}" for name in Settings.model_fields}
        known |= {f"C2D_TIMEOUT_{name.upper()}" for name in Timeouts.model_fields}
        assert {k for k in variables if k.startswith("C2D_")} <= known


def test_every_function_is_logged_for_a_limited_time() -> None:
    for stack in STACKS:
        groups = [r for r in resources(stack).values() if r["Type"] == "AWS::Logs::LogGroup"]
        assert groups
        kept = [group["Properties"]["RetentionInDays"] for group in groups]
        assert kept == [{"Ref": "LogDays"}] * len(groups)


def test_tokens_of_people_and_agents_are_known_to_the_api_alone() -> None:
    for stack in STACKS:
        text = (stacks.FOLDER / f"{stack}.yaml").read_text()
        assert ("TOKEN" in text) == (stack == "api")


@pytest.mark.parametrize("name", [t.name for t in tasks()])
def test_a_tasks_event_fits_its_input(name: str) -> None:
    event = json.loads(events.path_of(f"tasks.{name}").read_text())
    accepts = getattr(import_module(f"functions.tasks.{name}"), "Input", AttemptInput)
    assert accepts.model_validate(event).deployment_id.version == 4
    assert issubclass(accepts, AttemptInput)


def test_a_queue_keeps_its_order_gives_up_after_five_tries_and_reports_what_failed() -> None:
    made = resources("consumers")
    queues = {k: r["Properties"] for k, r in made.items() if r["Type"] == "AWS::SQS::Queue"}
    for function in consumers():
        name = function.name.removeprefix("consumers.")
        properties = made[function.logical_id]["Properties"]
        source = properties["Events"]["Queue"]["Properties"]
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        queue = queues[source["Queue"]["Fn::GetAtt"][0]]
        assert queue["QueueName"]["Fn::Sub"] == f"${{Prefix}}-{name}.fifo"
        assert queue["VisibilityTimeout"] >= 6 * properties["Timeout"], "as AWS advises"
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        dead = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
        assert queue["FifoQueue"] is dead["FifoQueue"] is True
    in_order = [queue for queue in queues.values() if queue.get("FifoQueue")]
    assert len(in_order) == 2 * len(list(consumers()))


def test_only_functions_that_queue_may_send() -> None:
    for function, in_stack in every_function():
        consumes = function.name.startswith("consumers.")
        sends = "sqs:SendMessage" in actions(in_stack)
        assert not sends or ("webhook_queue" in function.ports and not consumes), function.name
        assert ("sqs:ChangeMessageVisibility" in actions(in_stack)) == consumes, function.name
    assert {f.name for f, s in every_function() if "sqs:SendMessage" in actions(s)} >= {
        f.name for f in webhooks()
    }

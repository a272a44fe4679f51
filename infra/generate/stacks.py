"""The nested stacks, from the routers, the state machines and the schedules."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import yaml

from infra.generate import queues, root
from infra.generate.alarms import alarming
from infra.generate.environment import LIMITS
from infra.generate.frame import dump, log_group, of_function, stack
from infra.generate.functions import (
    ROOT,
    Function,
    consumers,
    edge,
    listeners,
    operations,
    schedules,
    served,
    tasks,
)
from infra.generate.http_api import api
from infra.generate.policies import definition, of_machine, started_as, sub, substituted
from shared import machines

FOLDER: Final = ROOT / "infra" / "stacks"
DEFINITIONS: Final = FOLDER / "definitions"
ALIAS: Final = "live"
"""Of every state machine; the parameter Qualifier ends with it."""
RATES: Final = {
    "scheduled.connections": "rate(1 minute)",
    "scheduled.reconcile": "rate(1 minute)",
    "scheduled.reports": "rate(1 minute)",
    "scheduled.previews": "rate(5 minutes)",
    "scheduled.supervise": "rate(1 minute)",
    "scheduled.retention": "rate(1 hour)",
    "scheduled.webhooks": "rate(1 minute)",
}


def render() -> dict[Path, str]:
    """Every stack's file and what it should hold, and the template around them."""
    made = nested()
    files = {FOLDER / f"{name.lower()}.yaml": dump(stack) for name, stack in made.items()}
    plain = {DEFINITIONS / f"{name}.asl.yaml": _plain(name) for name in machines.MACHINES}
    return {root.PATH: dump(root.template(made)), **files, **plain}


def _plain(machine: str) -> str:
    """The definition without YAML's anchors: nothing says that AWS reads them."""
    return dump(yaml.safe_load(definition(machine).read_text()))


def nested() -> dict[str, dict[str, Any]]:
    """Resource of `template.yaml` → the stack's document."""
    return {
        "Api": api(served(), edge()),
        "Workflows": workflows(list(tasks())),
        "Consumers": queues.consuming(consumers(), listeners()),
        "Schedules": scheduled(schedules()),
        "Operations": operating(operations()),
        "Alarms": alarming(),
    }


def workflows(functions: list[Function]) -> dict[str, Any]:
    """A function per task, and the state machines that call them."""
    known = {function.logical_id for function in functions}
    made = {"Executions": log_group("/aws/vendedlogs/states/${Prefix}")}
    made |= {function.logical_id: of_function(function) for function in functions}
    for name in machines.MACHINES:
        made |= {f"{name.title()}Machine": _machine(name, known), **_published(name)}
    return stack("workflows", made)


def scheduled(functions: Iterable[Function]) -> dict[str, Any]:
    """A function per schedule, with its clock. What fails is not tried again: the next run is."""
    made = queues.missed("schedules")
    for function in functions:
        resource = of_function(function, _clock(function.name))
        resource["Properties"] |= queues.called_by_aws("schedules", retries=0, seconds=60)
        made[function.logical_id] = resource
    return stack("schedules", made)


def operating(functions: Iterable[Function]) -> dict[str, Any]:
    """A function per operation, called by name: `${Prefix}-migrate`."""
    made = {function.logical_id: of_function(function) for function in functions}
    for resource in made.values():
        name = resource["Properties"]["Handler"].split(".")[1]
        resource["Properties"] |= {"FunctionName": sub(f"${{Prefix}}-{name}")}
    return stack("operations", made)


def _clock(name: str) -> dict[str, Any]:
    """A call that Lambda does not take is not kept for long: a late run helps nobody.

    Named, for SAM would give those of every stage in an account the same name.
    """
    properties = {
        "Name": sub(f"${{Prefix}}-{name.removeprefix('scheduled.')}"),
        "ScheduleExpression": RATES[name],
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["SchedulesDeadQueue", "Arn"]}},
    }
    return {"Clock": {"Type": "ScheduleV2", "Properties": properties}}


def _machine(name: str, functions: set[str]) -> dict[str, Any]:
    log = {"LogGroupArn": {"Fn::GetAtt": ["Executions", "Arn"]}}
    return {
        "Type": "AWS::Serverless::StateMachine",
        "Properties": {
            "Name": sub(f"${{Prefix}}-{name}"),
            "Type": "STANDARD",
            "DefinitionUri": f"{DEFINITIONS.name}/{name}.asl.yaml",
            "DefinitionSubstitutions": {key: _value(key, functions) for key in substituted(name)},
            "Tracing": {"Enabled": {"Fn::If": ["Traced", True, False]}},
            "Logging": {
                "Level": "ALL",
                "IncludeExecutionData": False,  # inputs of states hold their task tokens
                "Destinations": [{"CloudWatchLogsLogGroup": log}],
            },
            # SAM adds it where tracing is on for good
            "Policies": [*of_machine(name, functions), "AWSXRayDaemonWriteAccess"],
        },
    }


def _published(name: str) -> dict[str, Any]:
    """Each revision as a version that stays, and the alias that leads to the newest.

    Executions finish on the version they began with. An emulator knows neither: hence the
    condition, which SAM's AutoPublishAlias does not take.
    """
    machine = f"{name.title()}Machine"
    version = {
        "StateMachineArn": {"Ref": machine},
        "StateMachineRevisionId": {"Fn::GetAtt": [machine, "StateMachineRevisionId"]},
    }
    newest = {"Type": "ALL_AT_ONCE", "StateMachineVersionArn": {"Ref": f"{machine}Version"}}
    return {
        f"{machine}Version": {
            "Type": "AWS::StepFunctions::StateMachineVersion",
            "Condition": "HasAlias",
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": version,
        },
        f"{machine}Alias": {
            "Type": "AWS::StepFunctions::StateMachineAlias",
            "Condition": "HasAlias",
            "Properties": {"Name": ALIAS, "DeploymentPreference": newest},
        },
    }


def _value(key: str, functions: set[str]) -> Any:
    """What a `${key}` of a definition stands for on AWS."""
    if key in functions:
        return {"Fn::GetAtt": [key, "Arn"]}
    if key.endswith("Machine"):
        return started_as(key.removesuffix("Machine").lower())
    name = key.removesuffix("Timeout").removesuffix("Limit")
    return getattr(LIMITS, re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower())

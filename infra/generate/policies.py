"""What each function and each state machine may do at AWS, and nothing else."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from infra.generate.functions import ROOT, Function
from shared.machines import MACHINES

Statement = dict[str, Any]

RECORDED: Final = Path(__file__).with_name("actions.json")

MACHINE_ARN: Final = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine"
_EXECUTION_ARN: Final = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution"
_QUEUE_ARN: Final = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}"
QUEUE_URL: Final = "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}"
QUEUES: Final = {"webhooks": "webhook_queue"}
"""queue → the provider of bootstrap that hands it out. Each has dead letters of its own."""
_RULE_ARN: Final = (
    "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:"
    "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"
)
_USED: Final = re.compile(r"\$\{(\w+)\}")
ANY: Final = "*#"
"""Begins a resource that has to be `*`; what follows is the reason, written on its line."""


def sub(text: str) -> dict[str, str]:
    return {"Fn::Sub": text}


def machine_arn(name: str) -> dict[str, str]:
    return sub(f"{MACHINE_ARN}:${{Prefix}}-{name}")


def started_as(name: str) -> dict[str, str]:
    """What executions are started by: the alias, where there is one. Allowed is the machine."""
    return sub(f"{MACHINE_ARN}:${{Prefix}}-{name}${{Qualifier}}")


def definition(machine: str) -> Path:
    return ROOT / "infra" / "workflows" / f"{machine}.asl.yaml"


def substituted(machine: str) -> list[str]:
    """The `${…}` keys in a definition, sorted."""
    return sorted(set(_USED.findall(definition(machine).read_text())))


def nested(machine: str) -> list[str]:
    """The machines a definition starts itself."""
    keys = substituted(machine)
    return [key.removesuffix("Machine").lower() for key in keys if key.endswith("Machine")]


INNER: Final = frozenset(name for machine in MACHINES for name in nested(machine))
"""Machines that only other machines start."""


def of_function(function: Function) -> list[dict[str, Any]]:
    """By the ports it asks for, and of their actions those that it was seen to take.

    Secrets arrive in the environment, logs and traces by SAM.
    """
    possible = [*_sealing(function), *_queueing(function), *_starting(function)]
    statements = list(_seen(function, possible))
    return [*(_policy(*statements) if statements else []), *_connecting(function)]


def _seen(function: Function, possible: Iterable[Statement]) -> Iterator[Statement]:
    """All of them for a function that was never recorded: a new one works at once."""
    taken = recorded().get(function.logical_id)
    for statement in possible:
        actions = [a for a in statement["Action"] if taken is None or a in taken]
        if actions:
            yield {**statement, "Action": actions}


@cache
def recorded() -> dict[str, frozenset[str]]:
    """Logical id → the actions that it took while the tests ran against an emulated AWS."""
    if not RECORDED.is_file():
        return {}
    found: dict[str, list[str]] = json.loads(RECORDED.read_text())
    return {name: frozenset(actions) for name, actions in found.items()}


def _connecting(function: Function) -> list[dict[str, Any]]:
    """To sign in at the database's proxy, where that takes no password."""
    if "engine" not in function.ports:
        return []
    [policy] = _policy(_allow(["rds-db:connect"], [{"Ref": "DatabaseUser"}]))
    return [{"Fn::If": ["HasDatabaseUser", policy, {"Ref": "AWS::NoValue"}]}]


def _sealing(function: Function) -> list[Statement]:
    if "vault" not in function.ports:
        return []
    return [_allow(["kms:GenerateDataKey", "kms:Decrypt"], [{"Ref": "KmsKey"}])]


def queue_name(queue: str) -> str:
    return f"${{Prefix}}-{queue}.fifo"


def _queueing(function: Function) -> list[Statement]:
    """To send and to count; a consumer receives by its event source, and says what is tried
    again when."""
    asked = [queue for queue, port in QUEUES.items() if port in function.ports]
    arns = [sub(f"{_QUEUE_ARN}:{queue_name(queue)}") for queue in asked]
    consumes = function.name.startswith("consumers.")
    sends = ["sqs:SendMessage", "sqs:GetQueueAttributes"]
    return [_allow(["sqs:ChangeMessageVisibility"] if consumes else sends, arns)] if arns else []


def _starting(function: Function) -> list[Statement]:
    if "workflows" not in function.ports:
        return []
    outer = [name for name in MACHINES if name not in INNER]
    tokens = ["states:SendTaskSuccess", "states:SendTaskFailure", "states:SendTaskHeartbeat"]
    return [
        _allow(["states:StartExecution"], map(machine_arn, outer)),
        _allow(tokens, map(machine_arn, MACHINES)),
        _allow(["states:DescribeExecution", "states:StopExecution"], map(_executions, MACHINES)),
    ]


def of_machine(name: str, functions: set[str]) -> list[dict[str, Any]]:
    """Invoke its own functions, start and await its nested machines, write its log."""
    mine = [{"Fn::GetAtt": [key, "Arn"]} for key in substituted(name) if key in functions]
    statements = [_allow(["lambda:InvokeFunction"], mine), _log_delivery()]
    children = nested(name)
    if children:
        watch = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
        statements += [
            _allow(["states:StartExecution"], map(machine_arn, children)),
            _allow(
                ["states:DescribeExecution", "states:StopExecution"], map(_executions, children)
            ),
            _allow(watch, [sub(_RULE_ARN)]),
        ]
    return _policy(*statements)


def _log_delivery() -> Statement:
    deliveries = ("Create", "Get", "Update", "Delete")
    return {
        "Effect": "Allow",
        "Action": [
            *(f"logs:{verb}LogDelivery" for verb in deliveries),
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
        ],
        "Resource": f"{ANY}AWS knows no resource for log deliveries",
    }


def _executions(machine: str) -> dict[str, str]:
    return sub(f"{_EXECUTION_ARN}:${{Prefix}}-{machine}:*")


def _allow(actions: list[str], resources: Iterable[Any]) -> Statement:
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


def _policy(*statements: Statement) -> list[dict[str, Any]]:
    return [{"Version": "2012-10-17", "Statement": list(statements)}]

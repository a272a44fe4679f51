"""The stack of the queues and their consumers."""

from collections.abc import Iterable
from typing import Any, Final

from infra.generate.classes import CLASSES
from infra.generate.frame import of_function, stack
from infra.generate.functions import Function
from infra.generate.policies import INNER, QUEUES, machine_arn, queue_name, sub
from shared.machines import MACHINES

VISIBILITY: Final = 6 * CLASSES["consumers"].seconds
"""How long a message is away while it is decided on: as AWS advises, six times as long as its
function may take: Lambda tries by itself to hand over what it has received."""
MISSED: Final = ("events", "schedules")
"""What AWS calls by itself, each with a queue of what failed for good. Nothing there has to be
sent again, for reconciling makes up for it: the letters tell, and are gone when all is well."""
_MISSED_SECONDS: Final = 4 * 3600
_AGE_SECONDS: Final = 3600
_RETRIES: Final = 2
TRIES: Final = 5
_KEPT_SECONDS: Final = 14 * 24 * 3600
_BATCH: Final = 10
_AT_ONCE: Final = 10
"""Consumers at once: each holds a connection to the database."""


def consuming(functions: Iterable[Function], listeners: Iterable[Function]) -> dict[str, Any]:
    """A function per queue, the queue, and its dead letters; what AWS announces, and its own."""
    made: dict[str, Any] = {}
    for queue in QUEUES:
        made |= _queue(queue)
    for function in functions:
        source = _source(function.name.removeprefix("consumers."))
        made[function.logical_id] = of_function(function, {"Queue": source})
    made |= missed("events") | {"EventsMayBeMissed": _from_event_bridge("events")}
    for function in listeners:
        made[function.logical_id] = _listening(function)
    return stack("consumers", made)


def missed(name: str) -> dict[str, Any]:
    """The queue of what could not be done when AWS called."""
    properties = {
        "QueueName": sub(missed_name(name)),
        "MessageRetentionPeriod": _MISSED_SECONDS,
        "SqsManagedSseEnabled": True,
    }
    return {_id(f"{name}-dead"): {"Type": "AWS::SQS::Queue", "Properties": properties}}


def missed_name(name: str) -> str:
    return f"${{Prefix}}-{name}-dead"


def called_by_aws(name: str, *, retries: int, seconds: int) -> dict[str, Any]:
    """What Lambda does with a call that nobody waits for."""
    target = {"Fn::GetAtt": [_id(f"{name}-dead"), "Arn"]}
    return {
        "EventInvokeConfig": {
            "MaximumRetryAttempts": retries,
            "MaximumEventAgeInSeconds": seconds,
            "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": target}},
        }
    }


def _listening(function: Function) -> dict[str, Any]:
    """A function of events about executions that people start: the nested ones end in those."""
    outer = [name for name in MACHINES if name not in INNER]
    rule = {
        "Type": "EventBridgeRule",
        "Properties": {
            "Pattern": {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                    "stateMachineArn": [machine_arn(name) for name in outer],
                },
            },
            "RetryPolicy": {
                "MaximumRetryAttempts": _RETRIES,
                "MaximumEventAgeInSeconds": _AGE_SECONDS,
            },
            "DeadLetterConfig": {"Arn": {"Fn::GetAtt": [_id("events-dead"), "Arn"]}},
        },
    }
    resource = of_function(function, {"Ended": rule})
    resource["Properties"] |= called_by_aws("events", retries=_RETRIES, seconds=_AGE_SECONDS)
    return resource


def _from_event_bridge(name: str) -> dict[str, Any]:
    """EventBridge has no role of its own here: the queue lets it, for this account's rules."""
    queue = _id(f"{name}-dead")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["sqs:SendMessage"],
        "Resource": [{"Fn::GetAtt": [queue, "Arn"]}],
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"Queues": [{"Ref": queue}], "PolicyDocument": document}
    return {"Type": "AWS::SQS::QueuePolicy", "Properties": properties}


def _queue(name: str) -> dict[str, Any]:
    """In order within a group; what is sent twice within five minutes is there once."""
    dead = {"Fn::GetAtt": [_id(f"{name}-dead"), "Arn"]}
    return {
        _id(f"{name}-dead"): _fifo(f"{name}-dead"),
        _id(name): _fifo(
            name,
            VisibilityTimeout=VISIBILITY,
            RedrivePolicy={"deadLetterTargetArn": dead, "maxReceiveCount": TRIES},
        ),
    }


def _fifo(name: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": sub(queue_name(name)),
            "FifoQueue": True,
            "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
            "MessageRetentionPeriod": _KEPT_SECONDS,
            "SqsManagedSseEnabled": True,
            **more,
        },
    }


def _source(name: str) -> dict[str, Any]:
    return {
        "Type": "SQS",
        "Properties": {
            "Queue": {"Fn::GetAtt": [_id(name), "Arn"]},
            "BatchSize": _BATCH,
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "ScalingConfig": {"MaximumConcurrency": _AT_ONCE},
        },
    }


def _id(name: str) -> str:
    return f"{name.title().replace('-', '')}Queue"

"""The stack of the queues and their consumers."""

from collections.abc import Iterable
from typing import Any, Final

from infra.generate.classes import CLASSES
from infra.generate.frame import of_function, stack
from infra.generate.functions import Function
from infra.generate.policies import QUEUES, queue_name, sub

VISIBILITY: Final = 6 * CLASSES["consumers"].seconds
"""How long a message is away while it is decided on: as AWS advises, six times as long as its
function may take: Lambda tries by itself to hand over what it has received."""
EVENTS_DEAD: Final = "${Prefix}-events-dead"
"""What schedules and AWS's own events led to, and failed for good."""
TRIES: Final = 5
_KEPT_SECONDS: Final = 14 * 24 * 3600
_BATCH: Final = 10
_AT_ONCE: Final = 10
"""Consumers at once: each holds a connection to the database."""


def consuming(functions: Iterable[Function]) -> dict[str, Any]:
    """A function per queue, the queue, and its dead letters."""
    made: dict[str, Any] = {}
    for queue in QUEUES:
        made |= _queue(queue)
    for function in functions:
        source = _source(function.name.removeprefix("consumers."))
        resource = of_function(function, {"Queue": source})
        made[function.logical_id] = resource
    return stack("consumers", made)


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

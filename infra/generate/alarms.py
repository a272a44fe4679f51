"""The stack of the alarms: five, each a sentence about what a person has to look at."""

from typing import Any, Final

from infra.generate.parameters import given, names_in, parameters
from infra.generate.policies import QUEUES, machine_arn, queue_name, sub
from infra.generate.queues import MISSED, missed_name

NAMESPACE: Final = "ClickToDeploy"
AGENTS_SEEN: Final = "AgentsSeen"
"""The platform's own metric: how many agents were heard of in the last minute."""
OLDEST_SECONDS: Final = 300
"""A delivery that is not decided on by then: several tries have failed, or nobody takes it."""
_FAILED_AT_LEAST: Final = 5
_MINUTE: Final = 60
_OUTER: Final = ("deploy", "rollback")

Metric = dict[str, Any]


def alarming() -> dict[str, Any]:
    """The alarms, and whom they tell."""
    made: dict[str, Any] = {
        "Topic": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"TopicName": sub("${Prefix}-alarms")},
        },
        "Email": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "HasEmail",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "email",
                "Endpoint": {"Ref": "AlarmEmail"},
            },
        },
        "DeadLetters": _dead_letters(),
        "FailedExecutions": _failed_executions(),
        "Throttles": _throttles(),
        "AgentsMissing": _agents_missing(),
        "OldestMessage": _oldest_message(),
    }
    known = {"HasEmail": given("AlarmEmail")}
    own = {"AlarmEmail": "Who is told by e-mail; empty for nobody"}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Click to Deploy: alarms.",
        "Parameters": parameters(names_in([made, known]), own),
        "Conditions": known,
        "Resources": made,
        "Outputs": {"Topic": {"Description": "Who listens is told", "Value": {"Ref": "Topic"}}},
    }


def _dead_letters() -> dict[str, Any]:
    names = [*(queue_name(f"{queue}-dead") for queue in QUEUES), *map(missed_name, MISSED)]
    counted = [
        _queried(f"dead{n}", _of_queue(name, "ApproximateNumberOfMessagesVisible"), "Maximum")
        for n, name in enumerate(names)
    ]
    total = " + ".join(f"FILL({metric['Id']}, 0)" for metric in counted)
    return _alarm(
        "dead-letters",
        "What could not be worked off after all tries lies in a queue of dead letters: see why in "
        "the log of its consumer, then send it again",
        Metrics=[*counted, _expression(total)],
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
    )


def _failed_executions() -> dict[str, Any]:
    """A build that fails is its author's affair. Ours is what timed out or was aborted, what
    could not be walked back, and when most of what was started fails."""
    ours = [("compensate", "ExecutionsFailed"), ("compensate", "ExecutionsTimedOut")]
    ours += [(m, f"Executions{how}") for m in _OUTER for how in ("TimedOut", "Aborted")]
    counted = [
        _queried(f"ours{n}", _of_machine(*metric), "Sum", 15 * _MINUTE)
        for n, metric in enumerate(ours)
    ]
    failed = _queried("failed", _of_machine("deploy", "ExecutionsFailed"), "Sum", 15 * _MINUTE)
    started = _queried("started", _of_machine("deploy", "ExecutionsStarted"), "Sum", 15 * _MINUTE)
    total = " + ".join(f"FILL({metric['Id']}, 0)" for metric in counted)
    most = f"failed >= {_FAILED_AT_LEAST} AND failed * 2 > FILL(started, 0)"
    return _alarm(
        "failed-executions",
        "Executions timed out, were aborted or could not be walked back, or more than half of the "
        "deployments failed in a quarter of an hour: see the executions of the state machines",
        Metrics=[*counted, failed, started, _expression(f"{total} + IF({most}, failed, 0)")],
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
    )


def _throttles() -> dict[str, Any]:
    """Of the whole account in this region: its limit is shared by all functions."""
    return _alarm(
        "throttles",
        "Lambda refuses to start functions: ask AWS for more concurrent executions, or see who "
        "in this account takes them all",
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Statistic="Sum",
        Period=5 * _MINUTE,
        Threshold=10,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=2,
    )


def _agents_missing() -> dict[str, Any]:
    """No number at all is as bad as zero: then nobody counts."""
    return _alarm(
        "agents-missing",
        "No agent is heard of: nothing is built, and routes do not change. See c2d agents, and "
        "the service on the agents' machines",
        Namespace=NAMESPACE,
        MetricName=AGENTS_SEEN,
        Dimensions=[{"Name": "Stage", "Value": {"Ref": "Stage"}}],
        Statistic="Maximum",
        Period=_MINUTE,
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=5,
        TreatMissingData="breaching",
    )


def _oldest_message() -> dict[str, Any]:
    [queue] = QUEUES
    return _alarm(
        "oldest-message",
        "A delivery waits too long for its verdict: see the log of the queue's consumer",
        **_of_queue(queue_name(queue), "ApproximateAgeOfOldestMessage"),
        Statistic="Maximum",
        Period=_MINUTE,
        Threshold=OLDEST_SECONDS,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=3,
    )


def _alarm(name: str, text: str, **how: Any) -> dict[str, Any]:
    """Whoever is told of an alarm is told of its end, too."""
    told = [{"Ref": "Topic"}]
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": sub(f"${{Prefix}}-{name}"),
            "AlarmDescription": text,
            "AlarmActions": told,
            "OKActions": told,
            "TreatMissingData": "notBreaching",
            **how,
        },
    }


def _of_queue(name: str, metric: str) -> Metric:
    return {
        "Namespace": "AWS/SQS",
        "MetricName": metric,
        "Dimensions": [{"Name": "QueueName", "Value": sub(name)}],
    }


def _of_machine(machine: str, metric: str) -> Metric:
    return {
        "Namespace": "AWS/States",
        "MetricName": metric,
        "Dimensions": [{"Name": "StateMachineArn", "Value": machine_arn(machine)}],
    }


def _queried(id_: str, metric: Metric, statistic: str, seconds: int = _MINUTE) -> Metric:
    stat = {"Metric": metric, "Period": seconds, "Stat": statistic}
    return {"Id": id_, "MetricStat": stat, "ReturnData": False}


def _expression(text: str) -> Metric:
    return {"Id": "total", "Expression": text, "ReturnData": True}

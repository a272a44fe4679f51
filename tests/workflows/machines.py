"""Small state machines, written in few words."""

from collections.abc import Mapping
from typing import Any

from shared.adapters.asl import Definition, parse
from shared.ports.workflows import JSON

INVOKE = "arn:aws:states:::lambda:invoke"
TOKEN = "{% $states.context.Task.Token %}"

State = dict[str, Any]


def machine(name: str, states: Mapping[str, State], *, timeout: int = 300) -> Definition:
    """The states in the order given: each goes on to the next, the last one ends."""
    return parse(document(states, timeout=timeout), name)


def document(states: Mapping[str, State], *, timeout: int = 300) -> dict[str, JSON]:
    names = list(states)
    chained: dict[str, JSON] = {}
    for state, following in zip(names, [*names[1:], None], strict=True):
        chained[state] = dict(states[state])
        if {"Next", "End", "Choices"} & states[state].keys():
            continue
        if states[state]["Type"] not in {"Succeed", "Fail"}:
            chained[state] |= {"Next": following} if following else {"End": True}
    return {
        "QueryLanguage": "JSONata",
        "StartAt": names[0],
        "TimeoutSeconds": timeout,
        "States": chained,
    }


def task(function: str, **more: Any) -> State:
    return {
        "Type": "Task",
        "Resource": INVOKE,
        "Arguments": {"FunctionName": function, "Payload": "{% $states.input %}"},
        "TimeoutSeconds": 60,
        **more,
    }


def token_task(function: str, *, timeout: int = 60, heartbeat: int = 30, **more: Any) -> State:
    payload = f"{{% $merge([$states.context.Execution.Input, {{'task_token': {TOKEN[3:-3]}}}]) %}}"
    return {
        "Type": "Task",
        "Resource": f"{INVOKE}.waitForTaskToken",
        "Arguments": {"FunctionName": function, "Payload": payload},
        "TimeoutSeconds": timeout,
        "HeartbeatSeconds": heartbeat,
        **more,
    }


def queue_task(queue: str, **more: Any) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Arguments": {"QueueUrl": queue, "MessageBody": {"task_token": TOKEN}},
        "TimeoutSeconds": 60,
        "HeartbeatSeconds": 30,
        **more,
    }


def nested(target: str, **more: Any) -> State:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {
            "StateMachineArn": target,
            "Name": "{% $states.context.Execution.Name & '-nested' %}",
            "Input": "{% $states.context.Execution.Input %}",
        },
        "TimeoutSeconds": 60,
        **more,
    }


def wait(seconds: int) -> State:
    return {"Type": "Wait", "Seconds": seconds}


def retry(*errors: str, **more: Any) -> list[dict[str, Any]]:
    return [{"ErrorEquals": list(errors), **more}]


def catch(target: str, *errors: str) -> list[dict[str, Any]]:
    """Goes to `target` with the error under `failure` in a variable."""
    return [
        {
            "ErrorEquals": list(errors or ("States.ALL",)),
            "Assign": {"failure": "{% $states.errorOutput %}"},
            "Next": target,
        }
    ]


def failed() -> State:
    """Ends as the caught error."""
    return {"Type": "Fail", "Error": "{% $failure.Error %}", "Cause": "{% $failure.Cause %}"}

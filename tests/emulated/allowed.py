"""What the policy of a function allows, action by action, with the resources spelled out."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from infra.generate import policies
from infra.generate.functions import Function
from tests.emulated.cloud import ACCOUNT, REGION
from tests.emulated.relay import Call

OTHERWISE = {"rds-db:connect"}
"""The database's proxy asks for it when a connection is made: no call that could be seen."""
_PLACE = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT}


def allowed(function: Function) -> set[str]:
    """The actions in its policy, as the stacks have it."""
    found = {
        action for actions, _ in _statements(policies.of_function(function)) for action in actions
    }
    return found - OTHERWISE


def permits(function: Function, call: Call, given: Mapping[str, str]) -> bool:
    """Whether the policy covers a call; `given` are the stack's parameters.

    A call that names no resource (a task token, a ciphertext) is covered by its action.
    """
    asked = _arn(call.resource)
    return any(
        call.action in actions and (not asked or any(fnmatchcase(asked, one) for one in resources))
        for actions, resources in _statements(policies.of_function(function), given)
    )


def _statements(
    node: Any, given: Mapping[str, str] | None = None
) -> Iterator[tuple[list[str], list[str]]]:
    match node:
        case {"Action": list(actions), "Resource": list(resources)}:
            yield actions, [_resolved(one, given or {}) for one in resources]
        case dict():
            yield from _statements(list(node.values()), given)
        case list():
            for inner in node:
                yield from _statements(inner, given)


def _resolved(resource: Any, given: Mapping[str, str]) -> str:
    match resource:
        case {"Ref": str(name)}:
            return given.get(name, name)
        case {"Fn::Sub": str(text)}:
            for name, value in {**_PLACE, **given}.items():
                text = text.replace(f"${{{name}}}", value)
            return text
        case _:
            return str(resource)


def _arn(resource: str) -> str:
    """A queue is asked by its address, everything else by its ARN."""
    if "/" in resource and resource.startswith("http"):
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{resource.rpartition('/')[2]}"
    return resource

"""Functions invoked in this process, as Lambda would: by name, with JSON in and out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any
from uuid import uuid4

from shared.domain.errors import NotFound

MEMORY_MB = 512


@dataclass(frozen=True, slots=True)
class LocalContext:
    """The parts of Lambda's context object that functions read."""

    function_name: str
    memory_limit_in_mb: int = MEMORY_MB
    invoked_function_arn: str = "arn:aws:lambda:local:000000000000:function:local"
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))


@cache
def _function(name: str) -> ModuleType:
    return import_module(f"functions.tasks.{name}")


def invoke(name: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Call `functions/tasks/<name as a path>`; `deploy.build` is `deploy/build.py`.

    Its errors pass through: their class names are what state machines catch.
    """
    answer: dict[str, Any] = _function(name).handler(payload, LocalContext(name))
    return answer


def substitution(name: str) -> str:
    """The key a state machine knows a function by: `deploy.mark_live` is `DeployMarkLive`."""
    return "".join(part.title() for part in name.replace(".", "_").split("_"))


def no_queue(queue: str, body: object) -> None:
    """No machine of this platform sends to a queue: jobs are rows that agents claim."""
    raise NotFound(f"no queue {queue} is configured for {type(body).__name__}")

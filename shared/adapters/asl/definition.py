"""A state machine of the declared subset, parsed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from shared.ports.workflows import JSON

Seconds: TypeAlias = int | str
"""A whole number, or an expression that gives one."""


class InvalidDefinition(ValueError):
    """A definition outside the subset; says in which file, state and field."""

    def __init__(self, source: str, state: str | None, field: str | None, reason: str) -> None:
        place = ": ".join(part for part in (source, state, field) if part)
        super().__init__(f"{place}: {reason}")
        self.source, self.state, self.field, self.reason = source, state, field, reason


class Resource(StrEnum):
    INVOKE = "arn:aws:states:::lambda:invoke"
    INVOKE_AND_WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    SEND_AND_WAIT = "arn:aws:states:::sqs:sendMessage.waitForTaskToken"
    RUN_EXECUTION = "arn:aws:states:::states:startExecution.sync:2"


WAITS_FOR_TOKEN = frozenset({Resource.INVOKE_AND_WAIT, Resource.SEND_AND_WAIT})


@dataclass(frozen=True, slots=True)
class Template:
    """JSON with expressions inside; its absence is None, unlike a template of null."""

    value: JSON


@dataclass(frozen=True, slots=True)
class Leaving:
    """How a state is left: by whom `output` and `assign` are given, and where to (None: end)."""

    next: str | None
    output: Template | None
    assign: Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Retrier:
    errors: tuple[str, ...]
    interval_seconds: int
    max_attempts: int
    backoff_rate: float
    max_delay_seconds: int | None
    full_jitter: bool


@dataclass(frozen=True, slots=True)
class Catcher:
    errors: tuple[str, ...]
    leaving: Leaving


@dataclass(frozen=True, slots=True)
class Task:
    resource: Resource
    arguments: Mapping[str, JSON]
    timeout_seconds: Seconds
    heartbeat_seconds: Seconds | None
    retry: tuple[Retrier, ...]
    catch: tuple[Catcher, ...]
    leaving: Leaving


@dataclass(frozen=True, slots=True)
class Rule:
    condition: str
    leaving: Leaving


@dataclass(frozen=True, slots=True)
class Choice:
    """`default` is None when no rule may fail to match: then it is States.NoChoiceMatched."""

    rules: tuple[Rule, ...]
    default: Leaving | None


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: Seconds
    leaving: Leaving


@dataclass(frozen=True, slots=True)
class Pass:
    leaving: Leaving


@dataclass(frozen=True, slots=True)
class Succeed:
    output: Template | None


@dataclass(frozen=True, slots=True)
class Fail:
    error: str
    cause: str


State: TypeAlias = Task | Choice | Wait | Pass | Succeed | Fail


@dataclass(frozen=True)
class Definition:
    """`document` is what was parsed, substitutions applied: storing it stores the definition."""

    name: str
    start_at: str
    timeout_seconds: int
    states: Mapping[str, State]
    document: Mapping[str, JSON]

    @cached_property
    def digest(self) -> str:
        """Names this very content."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @cached_property
    def text(self) -> str:
        return json.dumps(self.document, sort_keys=True, separators=(",", ":"))

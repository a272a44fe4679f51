"""Functions that do what a script says, and a record of their calls."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.ports.workflows import JSON


@dataclass(frozen=True)
class Return:
    value: JSON = field(default_factory=dict)


@dataclass(frozen=True)
class Raise:
    """An error of this class name."""

    error: str
    message: str = "as scripted"


@dataclass(frozen=True)
class Answer:
    """Answers the payload's task token before it returns."""

    output: JSON = field(default_factory=dict)


@dataclass(frozen=True)
class Refuse:
    """Fails the payload's task token before it returns."""

    error: str
    reason: str = "as scripted"


@dataclass(frozen=True)
class Ignore:
    """Returns and leaves the task token to somebody else, or to nobody."""


@dataclass(frozen=True)
class Do:
    """Anything."""

    act: Callable[[dict[str, Any]], JSON]


def sleep(seconds: float) -> Callable[[dict[str, Any]], JSON]:
    """An act that takes its time."""

    def slow(_payload: dict[str, Any]) -> JSON:
        time.sleep(seconds)
        return {}

    return slow


Act = Return | Raise | Answer | Refuse | Ignore | Do


class Answers(Protocol):
    def succeed(self, token: str, output: JSON) -> None: ...

    def fail(self, token: str, error: str, reason: str) -> None: ...


class ScriptedError(Exception):
    """Base of the errors a script raises; each is of a class made for its name."""


@dataclass
class Script:
    """What each function does on its first, second, … call; the last act repeats."""

    plan: Mapping[str, Sequence[Act]] = field(default_factory=dict)
    default: Act = field(default_factory=Return)
    workflows: Answers | None = None
    calls: list[str] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)
    _count: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, function: str, payload: dict[str, Any]) -> Any:
        act = self._next(function, payload)
        match act:
            case Return(value):
                return value
            case Raise(error, message):
                raise type(error, (ScriptedError,), {})(message)
            case Answer(output):
                self._answers.succeed(payload["task_token"], output)
            case Refuse(error, reason):
                self._answers.fail(payload["task_token"], error, reason)
            case Do(act_now):
                return act_now(payload)
        return {}

    @property
    def _answers(self) -> Answers:
        assert self.workflows is not None
        return self.workflows

    def _next(self, function: str, payload: dict[str, Any]) -> Act:
        with self._lock:
            self.calls.append(function)
            self.payloads.append(payload)
            acts = self.plan.get(function) or [self.default]
            act = acts[min(self._count[function], len(acts) - 1)]
            self._count[function] += 1
            return act

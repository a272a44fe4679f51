"""Waiting for a condition, with an end to the patience."""

import time
from collections.abc import Callable
from typing import TypeVar

from shared.ports.workflows import ENDED, Execution, Workflows

T = TypeVar("T")


def eventually(look: Callable[[], T | None], what: str, seconds: float = 20) -> T:
    """What `look` sees once it sees something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen = look()
        if seen:
            return seen
        time.sleep(0.005)
    raise AssertionError(f"not within {seconds} s: {what}")


def ended(workflows: Workflows, execution: str, seconds: float = 20) -> Execution:
    """The execution, once it has ended."""

    def look() -> Execution | None:
        seen = workflows.describe(execution)
        return seen if seen is not None and seen.status in ENDED else None

    return eventually(look, f"{execution} ends", seconds)

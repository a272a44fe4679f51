"""Around every call of a function: its lines carry the invocation's ids."""

import os
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from shared.observing.fields import trace_id, work
from shared.observing.lines import write_lines

Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]
_IN_LAMBDA: Final = "AWS_LAMBDA_FUNCTION_NAME"
_started: Final[list[bool]] = []


def observed(handler: Handler) -> Handler:
    """`handler` as a piece of work of its own; its event is never written anywhere."""

    @wraps(handler)
    def observing(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        if _IN_LAMBDA in os.environ:
            write_lines()
        with work(
            function=getattr(context, "function_name", None),
            lambda_request_id=getattr(context, "aws_request_id", None),
            trace_id=trace_id(),
            cold_start=_is_first() or None,
        ):
            return handler(event, context)

    return observing


def _is_first() -> bool:
    """Whether this process has not been called before; where one process is one function."""
    if _started or _IN_LAMBDA not in os.environ:
        return False
    _started.append(True)
    return True

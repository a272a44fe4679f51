"""Runs task functions in this process, answering as Lambda would."""

import json
import logging
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from shared.adapters.asl.outcomes import TOO_LARGE, Failure, Outcome, Result
from shared.domain.errors import PlatformError
from shared.ports.workflows import JSON

Invoke: TypeAlias = Callable[[str, dict[str, Any]], dict[str, Any] | None]
"""Calls the function of a name with a payload."""

logger = logging.getLogger(__name__)

PAYLOAD_LIMIT: Final = 256 * 1024
"""Bytes that may pass between states."""


class Call:
    """One call in a thread of its own; `done` wakes whoever waits for `outcome`.

    A call cannot be killed. Abandoned, it goes on without anybody listening, like a Lambda
    whose state timed out; one that had not begun does not begin.
    """

    def __init__(self, done: Callable[[], None]) -> None:
        self.outcome: Outcome | None = None
        self._done = done
        self._abandoned = False

    def abandon(self) -> None:
        self._abandoned = True

    def run(self, limit: threading.Semaphore, work: Callable[[], Outcome]) -> None:
        with limit:
            if not self._abandoned:
                self.outcome = work()
        self._done()


class Functions:
    """At most `threads` functions run at once."""

    def __init__(self, invoke: Invoke, threads: int) -> None:
        self._invoke = invoke
        self._limit = threading.BoundedSemaphore(threads)

    def call(
        self, function: str, payload: JSON, done: Callable[[], None], invoke: Invoke | None = None
    ) -> Call:
        """Begin a call, of `invoke` instead of a function where given."""
        call, how = Call(done), invoke or self._invoke
        threading.Thread(
            target=call.run,
            args=(self._limit, lambda: _outcome(how, function, payload)),
            name=f"task-{function}",
            daemon=True,
        ).start()
        return call


def _outcome(invoke: Invoke, function: str, payload: JSON) -> Outcome:
    """The payload is the function's own copy."""
    sent = json.dumps(payload)
    if len(sent) > PAYLOAD_LIMIT:
        return Failure(TOO_LARGE, f"the payload of {function} is {len(sent)} bytes")
    try:
        value = invoke(function, json.loads(sent))
    except PlatformError as error:
        logger.info("function %s: %s: %s", function, type(error).__name__, error)
        return failure(type(error).__name__, str(error))
    except BaseException as error:
        logger.warning("function %s failed", function, exc_info=error)
        return failure(type(error).__name__, str(error))
    return _returned(function, value)


def failure(error: str, message: str) -> Failure:
    """The Cause is Lambda's JSON; the trace stays in the log."""
    cause = {"errorMessage": message, "errorType": error, "requestId": "", "stackTrace": []}
    return Failure(error, json.dumps(cause))


def _returned(function: str, value: Any) -> Outcome:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError) as error:
        return failure("Runtime.MarshalError", f"{function} returned no JSON: {error}")
    if len(text) > PAYLOAD_LIMIT:
        return Failure(TOO_LARGE, f"{function} returned {len(text)} bytes")
    return Result(json.loads(text))

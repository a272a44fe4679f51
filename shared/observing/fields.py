"""The ids that every line about a piece of work carries, across its threads and calls."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

FIELDS: Final = frozenset(
    {
        "attempt",
        "cold_start",
        "correlation_id",
        "delivery_id",
        "deployment_id",
        "execution",
        "function",
        "gateway_request_id",
        "hook_id",
        "job_id",
        "job_kind",
        "lambda_request_id",
        "message_id",
        "organization_id",
        "preview_id",
        "project_id",
        "provider_delivery",
        "request_id",
        "service_id",
        "step",
        "trace_id",
    }
)
"""Names of ids and counters. Nothing else can be noted, so that no value slips into every line."""
_LONGEST: Final = 128
_BEGINS: Final = ("request_id", "delivery_id", "gateway_request_id", "lambda_request_id")
"""Where there is no correlation id yet, the first of these is one."""

Known = dict[str, str | int]
_work: ContextVar[Known | None] = ContextVar("work", default=None)


@contextmanager
def work(**ids: object) -> Iterator[None]:
    """A piece of work begins: its lines carry `ids`, what is noted, and what was known outside."""
    token = _work.set(dict(_work.get() or {}))
    try:
        note(**ids)
        yield
    finally:
        _work.reset(token)


def note(**ids: object) -> None:
    """Have the lines of the work at hand carry these from now on; None is left out.

    In the threads that the work uses too. Outside of any work it does nothing. Raises TypeError
    for a name that is no id.
    """
    if not FIELDS.issuperset(ids):
        raise TypeError(f"not an id: {', '.join(sorted(ids.keys() - FIELDS))}")
    known = _work.get()
    if known is not None:
        known.update({name: _plain(value) for name, value in ids.items() if value is not None})


def known() -> Known:
    """What is known of the work at hand, with a correlation id wherever there is any id."""
    found = _work.get()
    if not found:
        return {}
    if "correlation_id" not in found:
        first = next((found[name] for name in _BEGINS if name in found), None)
        return found if first is None else {**found, "correlation_id": first}
    return found


def trace_id() -> str | None:
    """The X-Ray trace of this invocation; None where nothing traces."""
    parts = os.environ.get("_X_AMZN_TRACE_ID", "").split(";")
    return next((part[5:] for part in parts if part.startswith("Root=")), None)


def _plain(value: object) -> str | int:
    return value if isinstance(value, int) else str(value)[:_LONGEST]

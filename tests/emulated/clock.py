"""Schedules at a test's pace: on AWS the shortest is a minute."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.emulated.cloud import Cloud

PACE: Mapping[str, float] = {
    "ScheduledConnections": 2.0,
    "ScheduledReconcile": 2.0,
    "ScheduledReports": 1.0,
    "ScheduledSupervise": 5.0,
    "ScheduledWebhooks": 5.0,
}
"""Seconds between two calls of a function that a schedule has."""


@contextmanager
def clock(cloud: Cloud) -> Iterator[None]:
    """Calls the scheduled functions as EventBridge does, until the block ends."""
    functions, stop = cloud.functions(), threading.Event()
    threads = [
        threading.Thread(target=_keep, args=(cloud, functions[name], pace, stop), name=name)
        for name, pace in PACE.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def _keep(cloud: Cloud, function: Mapping[str, Any], pace: float, stop: threading.Event) -> None:
    while not stop.is_set():
        cloud.call(function["FunctionName"], {})
        stop.wait(pace)

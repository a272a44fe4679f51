"""The one place a schedule meets Lambda, and the local platform's own clock."""

import threading
from collections.abc import Callable, Mapping
from importlib import import_module
from time import monotonic
from typing import Any, Final

from shared.adapters.local_lambda import LocalContext
from shared.domain.errors import PlatformError
from shared.observing.invocations import observed
from shared.observing.lines import Log

log = Log(__name__)
Handler = Callable[[Mapping[str, Any], Any], dict[str, Any]]

LOCAL: Final = {
    "reports": 1.0,
    "previews": 60.0,
    "connections": 5.0,
    "supervise": 1.0,
    "reconcile": 5.0,
    "retention": 60.0,
    "webhooks": 5.0,
}
"""Seconds between two runs on one machine; on AWS template.yaml says."""


def scheduled(run: Callable[[], dict[str, Any]]) -> Handler:
    """A handler that runs without input."""

    @observed
    def handler(_event: Mapping[str, Any], _context: Any) -> dict[str, Any]:
        done = run()
        if any(done.values()):  # most runs find nothing to do
            log.info("schedule ran", **done)
        return done

    return handler


def report(error: PlatformError) -> None:
    """One line for a step that failed; the next run tries again."""
    log.warning("step failed", error=type(error).__name__, reason=error.reason)


class Clock:
    """Runs every schedule in a thread of its own until stopped; a late run is not doubled."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=item, name=f"schedule-{item[0]}", daemon=True)
            for item in LOCAL.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout)

    def _keep(self, name: str, seconds: float) -> None:
        handler: Handler = import_module(f"functions.scheduled.{name}").handler
        while not self._stop.is_set():
            began = monotonic()
            try:
                handler({}, LocalContext(name))
            except Exception:
                log.exception("schedule failed", schedule=name)
            self._stop.wait(max(0.0, seconds * self._pace - (monotonic() - began)))

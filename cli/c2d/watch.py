"""Waiting for a deployment: polls its state, steps and log, and tells a view what changed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, cast

from c2d.client import RESTART_SECONDS, Client, rest
from c2d.errors import CliError, ExitCode
from c2d.logstream import PAGE, LogCursor, tail
from c2d.models import TERMINAL, Deployment, LogLine, Step

TAIL_LINES: Final = 30
POLL_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 5.0
OUTCOMES: Final = {
    "live": ExitCode.OK,
    "failed": ExitCode.FAILED,
    "cancelled": ExitCode.CANCELLED,
    "superseded": ExitCode.SUPERSEDED,
}


class View(Protocol):
    """Shows a deployment while it runs."""

    def __enter__(self) -> "View": ...

    def __exit__(self, *error: object) -> None: ...

    def deployment(self, deployment: Deployment) -> None:
        """Its state, or what it waits for, has changed."""

    def steps(self, steps: Sequence[Step]) -> None:
        """The steps of the running attempt, in order; called again and again."""

    def log(self, lines: Sequence[LogLine]) -> None:
        """New lines of its log, in order, each once."""

    def outcome(self, deployment: Deployment, steps: Sequence[Step], log: list[LogLine]) -> None:
        """It has ended; `log` is the end of its log if it failed and was not shown before."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and whether to show the log meanwhile (None: only after a failure)."""

    timeout: float
    logs: bool | None = None


class WaitTimedOut(CliError):
    """The wait ended, the deployment did not."""


class Watch:
    """One wait for one deployment, its log from sequence number `after` on."""

    def __init__(
        self,
        client: Client,
        deployment: Deployment,
        view: View,
        patience: Patience,
        after: int = 0,
    ) -> None:
        self._client = client
        self._path = f"/deployments/{deployment['id']}"
        self._deployment = deployment
        self._view = view
        self._patience = patience
        self._cursor = LogCursor(client, deployment["id"], after)

    def run(self) -> Deployment:
        """The deployment when it has ended. Raises WaitTimedOut."""
        deadline = time.monotonic() + self._patience.timeout
        with self._view as view:
            view.deployment(self._deployment)
            while True:
                steps = self._steps()
                view.steps(steps)
                self._show_log()
                if self._deployment["state"] in TERMINAL:
                    break
                if time.monotonic() >= deadline:
                    raise self._timed_out()
                self._poll(view)
            self._drain_log()
        view.outcome(self._deployment, steps, self._last_lines())
        return self._deployment

    def _poll(self, view: View) -> None:
        # One second: the answer comes at once when the state changes; steps do not wake it.
        seen = self._deployment
        began = time.monotonic()
        found = self._client.get(
            self._path, wait=POLL_SECONDS, patience=RESTART_SECONDS, seen=seen["state"]
        )
        self._deployment = cast(Deployment, found)
        if found["state"] == seen["state"]:
            rest(began, POLL_SECONDS)
        shown = ("state", "waiting_for", "cancel_requested", "attempt")
        if any(seen.get(key) != found.get(key) for key in shown):
            view.deployment(self._deployment)

    def _steps(self) -> list[Step]:
        page = self._client.get(f"{self._path}/steps", patience=RESTART_SECONDS)
        steps = cast(list[Step], page["items"])
        return [step for step in steps if step["attempt"] == self._deployment["attempt"]]

    def _show_log(self) -> None:
        while self._patience.logs:
            lines = self._cursor.read(patience=RESTART_SECONDS)
            self._view.log(lines)
            if len(lines) < PAGE:
                return

    def _drain_log(self) -> None:
        # The last lines may be stored a moment after the state that ends the deployment.
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._patience.logs and not self._cursor.ended and time.monotonic() < deadline:
            lines = self._cursor.read(wait=1, patience=RESTART_SECONDS)
            self._view.log(lines)
            if lines:
                deadline = time.monotonic() + DRAIN_SECONDS

    def _last_lines(self) -> list[LogLine]:
        if self._patience.logs is None and self._deployment["state"] == "failed":
            return tail(self._cursor, TAIL_LINES)
        return []

    def _timed_out(self) -> WaitTimedOut:
        state, identity = self._deployment["state"], self._deployment["id"]
        return WaitTimedOut(
            f"still {state} after {self._patience.timeout:g} s; the deployment goes on",
            f"Watch it: c2d status {identity} --wait · stop it: c2d cancel {identity}",
            ExitCode.TIMED_OUT,
        )

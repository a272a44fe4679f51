"""A deployment's log, read in order: no line twice, none left out."""

import time
from collections import deque
from collections.abc import Iterator
from typing import Final, cast

from c2d.client import REFUSED_SECONDS, RESTART_SECONDS, Client, rest
from c2d.models import LogLine, LogPage

PAGE: Final = 1000
POLL_SECONDS: Final = 20


class LogCursor:
    """A place in a deployment's log. Sequence numbers decide, so a repeated answer is harmless."""

    def __init__(self, client: Client, deployment_id: str, after: int = 0) -> None:
        self._client = client
        self._path = f"/deployments/{deployment_id}/logs"
        self.after = after
        self.ended = False

    def read(self, wait: int = 0, patience: float = REFUSED_SECONDS) -> list[LogLine]:
        """The next lines, at most a page; with `wait` it waits for the first of them."""
        began = time.monotonic()
        page = cast(
            LogPage,
            self._client.get(
                self._path, wait=wait, patience=patience, after=self.after, limit=PAGE
            ),
        )
        lines = [line for line in page["items"] if line["sequence"] > self.after]
        if lines:
            self.after = lines[-1]["sequence"]
        self.ended = page["ended"]
        if wait and not lines and not self.ended:
            rest(began, 1.0)
        return lines

    def stored(self) -> Iterator[LogLine]:
        """Every line that is there now."""
        while True:
            lines = self.read()
            yield from lines
            if self.ended or not lines:
                return

    def follow(self) -> Iterator[LogLine]:
        """Every line until the deployment has ended; survives a restarting control plane."""
        while not self.ended:
            yield from self.read(POLL_SECONDS, RESTART_SECONDS)


def tail(cursor: LogCursor, lines: int) -> list[LogLine]:
    """The last lines from a place on."""
    return list(deque(cursor.stored(), maxlen=lines))

"""A running service's log on the screen."""

import time
from typing import Final

from c2d.client import RESTART_SECONDS, Client
from c2d.errors import ApiError
from c2d.models import LogLine, Service
from c2d.session import Session

POLL_SECONDS: Final = 1.0
WINDOW: Final = 5000
"""Lines one answer may hold; what an app writes within a poll must fit."""


class RuntimeCursor:
    """A place in a service's output, by time: its lines have no numbers.

    It stays when the service is deployed anew: the next instance's lines are simply later.
    """

    def __init__(self, client: Client, service_id: str) -> None:
        self._client = client
        self._path = f"/services/{service_id}/logs"
        self._at: str | None = None
        self._shown_then = 0
        """How many of the lines at exactly that time were read already."""

    def read(self, lines: int) -> list[LogLine]:
        """The last `lines` lines."""
        page = self._client.get(self._path, tail=min(lines, WINDOW))
        return self._take(page["items"])

    def later(self) -> list[LogLine]:
        """What was written since the last read. An instance that is gone for now wrote nothing."""
        try:
            page = self._client.get(
                self._path, patience=RESTART_SECONDS, tail=WINDOW, since=self._at
            )
        except ApiError as error:
            if error.status == 404:
                return []
            raise
        fresh = [line for line in page["items"] if self._at is None or line["at"] >= self._at]
        return self._take(fresh[self._shown_then :])

    def _take(self, lines: list[LogLine]) -> list[LogLine]:
        if lines:
            last = lines[-1]["at"]
            now_then = sum(line["at"] == last for line in lines)
            self._shown_then = now_then + (self._shown_then if last == self._at else 0)
            self._at = last
        return lines


def print_runtime(s: Session, service: Service, lines: int) -> None:
    """The last lines."""
    found = RuntimeCursor(s.client, service["id"]).read(lines)
    if s.screen.json:
        s.screen.document({"items": found})
        return
    _print(s, found)
    if not found:
        s.screen.say(f"{s.names.path(service)} has written nothing yet.")


def follow_runtime(s: Session, service: Service, lines: int) -> None:
    """The last lines, then every new one until interrupted."""
    cursor = RuntimeCursor(s.client, service["id"])
    _print(s, cursor.read(lines))
    while True:
        time.sleep(POLL_SECONDS)
        _print(s, cursor.later())


def _print(s: Session, lines: list[LogLine]) -> None:
    for line in lines:
        if s.screen.json:
            s.screen.line(line)
        else:
            s.screen.log(line)
    s.screen.flush()

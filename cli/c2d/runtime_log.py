"""A running service's log on the screen."""

import time

from c2d.client import RESTART_SECONDS
from c2d.logstream import new_lines, runtime_tail
from c2d.models import LogLine, Service
from c2d.session import Session

POLL_SECONDS = 1.0
WINDOW = 1000
"""Lines asked for while following: what is written in one interval must fit."""


def print_runtime(s: Session, service: Service, lines: int) -> None:
    """The last lines."""
    found = runtime_tail(s.client, service["id"], lines)
    if s.screen.json:
        s.screen.document({"items": found})
        return
    for line in found:
        s.screen.log(line)
    if not found:
        s.screen.say(f"{s.names.path(service)} has written nothing, or is not running.")


def follow_runtime(s: Session, service: Service, lines: int) -> None:
    """The last lines, then every new one until interrupted."""
    seen = runtime_tail(s.client, service["id"], max(lines, WINDOW))
    _print(s, seen[-lines:])
    while True:
        time.sleep(POLL_SECONDS)
        page = s.client.get(
            f"/services/{service['id']}/logs", patience=RESTART_SECONDS, tail=WINDOW
        )
        found: list[LogLine] = page["items"]
        fresh = new_lines(seen, found)
        if seen and found and len(fresh) == len(found):
            s.screen.say(
                "… some lines may be missing here: the app restarted or writes faster "
                "than they can be read",
                "yellow",
            )
        _print(s, fresh)
        seen = found or seen


def _print(s: Session, lines: list[LogLine]) -> None:
    for line in lines:
        if s.screen.json:
            s.screen.line(line)
        else:
            s.screen.log(line)

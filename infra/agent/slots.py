"""A limit on parallel builds that holds across all agent processes of this machine."""

import fcntl
import os
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

_POLL_SECONDS: Final = 0.1


class Slots:
    """`count` locked files in `folder`: whoever holds one may build.

    A lock ends with its process, however that dies, so an agent that drains and the one that
    replaces it share one limit.
    """

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.count = count
        self._paths = [folder / f"build-{number}.lock" for number in range(count)]

    def acquire(self, stopping: threading.Event) -> Callable[[], None] | None:
        """What gives the slot back, or None once `stopping` is set; waits for a free one."""
        while not stopping.is_set():
            for path in self._paths:
                if (held := _locked(path)) is not None:
                    return partial(os.close, held)
            stopping.wait(_POLL_SECONDS)
        return None


def _locked(path: Path) -> int | None:
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    return opened

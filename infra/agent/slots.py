"""A limit on parallel builds that holds across all agent processes of this machine."""

import fcntl
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path


class Slots:
    """`count` locked files in `folder`: whoever holds one may build.

    A lock ends with its process, however that dies, so an agent that drains and the one that
    replaces it share one limit.
    """

    def __init__(self, folder: Path, count: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.count = count
        self._paths = [folder / f"build-{number}.lock" for number in range(count)]

    def take(self) -> Callable[[], None] | None:
        """What gives the slot back, or None while there is no free one."""
        for path in self._paths:
            if (held := _locked(path)) is not None:
                return partial(os.close, held)
        return None


def _locked(path: Path) -> int | None:
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        return None
    return opened

"""The agent's work folders: private, removed after each job, swept after a crash."""

import fcntl
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, Final

from infra.agent.settings import Settings

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a private folder is made and checked in it
_LOCK: Final = "in-use.lock"


class Workspace:
    """A folder for this process alone; what dead predecessors left is removed first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(folder)
        self._root = Path(mkdtemp(prefix="run-", dir=folder))
        self._lock = os.open(self._root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An empty folder that only we may enter, gone afterwards."""
        made = Path(mkdtemp(prefix="job-", dir=self._root))
        try:
            yield made
        finally:
            remove_tree(made)

    def close(self) -> None:
        os.close(self._lock)
        remove_tree(self._root)


def memory_folder(settings: Settings) -> Path:
    """A folder in memory that nobody else owns; on disk where this machine has none."""
    user = os.geteuid()
    folder = _MEMORY / f"click-to-deploy-{user}" / settings.name
    try:
        folder.parent.mkdir(mode=0o700, exist_ok=True)
        owner = folder.parent.lstat()
    except OSError:
        return settings.folder / "vault"
    if owner.st_uid != user or not stat.S_ISDIR(owner.st_mode) or owner.st_mode & 0o077:
        return settings.folder / "vault"
    return folder


def remove_tree(folder: Path) -> None:
    """Removes `folder` also where the sources in it forbid that; symlinks are never followed."""

    def allow(
        call: Callable[..., Any],
        path: str,
        _error: tuple[type[BaseException], BaseException, TracebackType],
    ) -> None:
        Path(path).parent.chmod(stat.S_IRWXU)
        call(path)

    if folder.exists():
        shutil.rmtree(folder, onerror=allow)


def _sweep(folder: Path) -> None:
    for run in folder.glob("run-*"):
        lock = run / _LOCK
        try:
            opened = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            remove_tree(run)
            continue
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(run)
        except BlockingIOError:
            continue
        finally:
            os.close(opened)

"""Fixtures of the end-to-end suites: one platform per module, one Git server per session."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.apps import Repository
from tests.e2e.platform import Platform, free_port, until

Repositories = Callable[[str], Repository]


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repositories]:
    """Makes a repository by name; `git://` on loopback."""
    folder = tmp_path_factory.mktemp("git")
    port = free_port()
    argv = ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}"]
    argv += ["--export-all", f"--base-path={folder}", str(folder)]
    daemon = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _listens(port), "the Git server")
        yield lambda name: Repository(folder / name, f"git://127.0.0.1:{port}/{name}")
    finally:
        daemon.terminate()
        daemon.wait(10)


def _listens(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(short_folder(tmp_path_factory)) as running:
        yield running


def short_folder(factory: pytest.TempPathFactory) -> Path:
    """A state folder: sockets below it must keep under the kernel's 107 characters."""
    folder = factory.mktemp("p")
    folder.chmod(0o711)
    for parent in folder.relative_to(tempfile.gettempdir()).parents[:-1]:
        (Path(tempfile.gettempdir()) / parent).chmod(0o711)
    return folder

"""Cloning as tests do it."""

import threading
import time
from pathlib import Path

from infra.agent.build.git import CloneLimits, Git, GitCredentials
from infra.agent.build.source import Commit, Wanted, clone
from infra.agent.build.submodules import Submodules
from infra.agent.job import Job
from infra.agent.settings import Settings

TOKEN = "ghp_canary0123456789"


class Cloning:
    """One clone at a time into a fresh folder; `settings` and `limits` can be changed."""

    def __init__(self, folder: Path, job: Job) -> None:
        self.folder = folder
        self.job = job
        self.settings = Settings(
            "http://127.0.0.1:1",
            "t",
            "test",
            ("build",),
            folder,
            allow_private_git=True,
            allow_local_git=True,
        )
        self.limits = CloneLimits(time.monotonic() + 60, 60, 100)
        self.count = 0

    def __call__(
        self,
        url: str,
        ref: str | None = None,
        sha: str | None = None,
        credentials: GitCredentials | None = None,
    ) -> Commit:
        self.count += 1
        home, vault = self.folder / f"work-{self.count}", self.folder / f"vault-{self.count}"
        home.mkdir()
        vault.mkdir()
        self.home, self.vault = home, vault
        known = self.folder / "known_hosts"
        git_ = Git(self.job, home, vault, self.limits, known)
        given = credentials or GitCredentials()
        commit = clone(Wanted(url, ref, sha), given, git_, self.settings)
        Submodules(git_, given, self.settings).fetch(commit)
        return commit


class ArgumentLists:
    """Collects the argument lists of all processes for the length of a `with` block."""

    def __enter__(self) -> "ArgumentLists":
        self.lines: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._collect)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _collect(self) -> None:
        while not self._ended.wait(0.002):
            for entry in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.lines.add(
                        entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    )
                except OSError:
                    continue

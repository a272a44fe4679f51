"""Submodules, fetched like the repository itself: same checks, same limits, no `git submodule`."""

from dataclasses import dataclass
from pathlib import Path

from infra.agent.build.git import Git, GitCredentials
from infra.agent.build.remotes import checked, parse_remote
from infra.agent.build.source import Commit, Wanted, fetch_tree
from infra.agent.settings import Settings
from shared.domain.errors import PlatformError, SourceTooLarge


@dataclass(slots=True)
class Submodules:
    """Fetches the submodules of one clone, depth first."""

    git: Git
    credentials: GitCredentials
    settings: Settings
    fetched: int = 0

    def fetch(self, commit: Commit, depth: int = 0) -> None:
        """Fills the submodule folders of `commit`. Raises what `clone` does."""
        if not commit.links:
            return
        if depth >= self.git.limits.depth:
            raise SourceTooLarge(f"Submodules are nested deeper than {depth} levels.")
        urls = self._urls(commit)
        for path, sha in commit.links.items():
            if path not in urls:
                self.git.job.log(
                    f"{path} is a submodule without an entry in .gitmodules: left out."
                )
                continue
            self._fetch_one(commit, path, sha, urls[path], depth)

    def _fetch_one(self, commit: Commit, path: str, sha: str, url: str, depth: int) -> None:
        self.fetched += 1
        if self.fetched > self.git.limits.submodules:
            raise SourceTooLarge(f"There are more than {self.git.limits.submodules} submodules.")
        folder = commit.folder / path
        if not folder.resolve().is_relative_to(commit.folder.resolve()):
            raise SourceTooLarge(f"The submodule {path} leads out of the repository.")
        self.git.job.log(f"Fetching submodule {path} at {sha[:12]}.")
        repository = self.git.home / f"submodule-{self.fetched}"
        try:
            remote = checked(parse_remote(commit.remote.child(url)), self.settings)
            own = remote.host == commit.remote.host
            credentials = self.credentials if own else GitCredentials()
            wanted = Wanted(remote.url, None, sha)
            inner = fetch_tree(wanted, remote, credentials, self.git, repository, folder)
        except PlatformError as error:
            raise type(error)(f"Submodule {path}: {error.reason}") from error
        self.fetch(inner, depth + 1)

    def _urls(self, commit: Commit) -> dict[str, str]:
        """URL by path, from .gitmodules as it is in the commit (never a symlink to elsewhere)."""
        args = [
            f"--git-dir={commit.repository}",
            "config",
            "-z",
            "--blob",
            f"{commit.sha}:.gitmodules",
            "--list",
        ]
        found: dict[str, dict[str, str]] = {}
        for entry in self._run(args).split("\0"):
            key, _, value = entry.partition("\n")
            section, _, name = key.rpartition(".")
            found.setdefault(section, {})[name] = value
        modules = (module for module in found.values() if "path" in module and "url" in module)
        return {module["path"]: module["url"] for module in modules}

    def _run(self, args: list[str]) -> str:
        return self.git.run(args)[1]


def uses_lfs(folder: Path) -> bool:
    """Whether large files are kept outside the repository, and so are not in the clone."""
    attributes = folder / ".gitattributes"
    if attributes.is_symlink() or not attributes.is_file():
        return False
    return "filter=lfs" in attributes.read_text("utf-8", "replace")

"""Real bare Git repositories, and what a provider's API tells of them."""

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ZERO = "0" * 40
SECONDS = 60


@dataclass(frozen=True)
class RefChange:
    """A ref before and after; ZERO where it does not exist."""

    ref: str
    before: str
    after: str


@dataclass(frozen=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: str
    email: str
    at: datetime
    message: str
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


class BareRepository:
    """A bare repository in `folder`; it is made when first used."""

    def __init__(self, folder: Path, default_branch: str = "main") -> None:
        self.folder = folder
        self.default_branch = default_branch
        self.lock = threading.RLock()

    def ensure(self) -> Path:
        with self.lock:
            if not self.folder.exists():
                self.folder.parent.mkdir(parents=True, exist_ok=True)
                argv = ["init", "--quiet", "--bare", f"--initial-branch={self.default_branch}"]
                git(self.folder.parent, *argv, str(self.folder))
                for name in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
                    self._git("config", name, "true")
        return self.folder

    def _git(self, *arguments: str, data: bytes | None = None) -> str:
        return git(self.folder, *arguments, data=data).decode(errors="replace")

    def commit(
        self,
        branch: str,
        files: Mapping[str, str | bytes | None],
        *,
        message: str = "change",
        author: str = "Ada",
        parent: str | None = None,
        orphan: bool = False,
    ) -> str:
        """A new tip of `branch`; a file of None is removed. `parent` is any commit to start at."""
        self.ensure()
        with self.lock:
            base = None if orphan else parent or self.resolve(f"refs/heads/{branch}")
            stream = _commit_stream(f"refs/heads/{branch}", base, files, message, author)
            self._git("fast-import", "--quiet", "--force", data=stream)
            return self.refs()[f"refs/heads/{branch}"]

    def refs(self) -> dict[str, str]:
        """Branches and tags; a tag is the object it names, annotated or not."""
        if not self.folder.exists():
            return {}
        argv = ["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"]
        lines = self._git(*argv).splitlines()
        return dict(line.split(" ") for line in lines)

    def changes(self, before: Mapping[str, str]) -> list[RefChange]:
        """What differs from an earlier `refs()`."""
        after = self.refs()
        return [
            RefChange(ref, before.get(ref, ZERO), after.get(ref, ZERO))
            for ref in sorted({*before, *after})
            if before.get(ref) != after.get(ref)
        ]

    def set_ref(self, ref: str, sha: str | None) -> None:
        """Point a full ref somewhere else; None deletes it."""
        self.ensure()
        argv = ["update-ref", ref, sha] if sha else ["update-ref", "-d", ref]
        self._git(*argv)

    def resolve(self, ref: str) -> str | None:
        """The commit that a branch, tag, abbreviated or full SHA names."""
        if not self.folder.exists() or ref.startswith("-"):
            return None
        try:
            argv = ["rev-parse", "--verify", "--quiet", "--end-of-options", ref + "^{commit}"]
            return self._git(*argv).strip()
        except subprocess.CalledProcessError:
            return None

    def entries(self, ref: str, path: str = "", *, recursive: bool = True) -> list[Entry] | None:
        """Files and folders below `path`; None when there is no such ref or path."""
        if self.resolve(ref) is None or path.startswith("-"):
            return None
        argv = ["ls-tree", "-l", "-z", *(["-r", "-t"] if recursive else []), ref]
        found = []
        for line in self._git(*argv, *([path.rstrip("/") + "/"] if path else [])).split("\0"):
            if line:
                meta, _, name = line.partition("\t")
                mode, kind, sha, size = meta.split()
                found.append(Entry(mode, kind, sha, None if size == "-" else int(size), name))
        return found if found or not path else None

    def entry(self, ref: str, path: str) -> Entry | None:
        """What is at `path` itself."""
        folder = path.rpartition("/")[0]
        around = self.entries(ref, folder, recursive=False) or []
        return next((entry for entry in around if entry.path == path), None)

    def blob(self, sha: str) -> bytes:
        return git(self.folder, "cat-file", "blob", sha)

    def show(self, sha: str) -> Commit:
        """One commit with the paths it changed against its first parent."""
        form = "%H%n%T%n%P%n%an%n%ae%n%cI%n%B"
        head = self._git("show", "--no-patch", f"--format={form}", sha).split("\n", 6)
        changed: dict[str, list[str]] = {"A": [], "M": [], "D": []}
        argv = ["diff-tree", "--no-commit-id", "--root", "--no-renames", "-r", "-z", "-m"]
        fields = self._git(*argv, "--first-parent", "--name-status", sha).split("\0")
        for kind, path in zip(fields[::2], fields[1::2], strict=False):
            changed.setdefault(kind, []).append(path)
        return Commit(
            head[0], head[1], tuple(head[2].split()), head[3], head[4],
            datetime.fromisoformat(head[5]), head[6].rstrip("\n"),
            tuple(changed["A"]), tuple(changed["M"]), tuple(changed["D"]),
        )  # fmt: skip

    def between(self, change: RefChange) -> list[Commit]:
        """The commits that a push brought, oldest first."""
        if change.after == ZERO:
            return []
        known = [change.before] if change.before != ZERO else self._others(change)
        argv = ["rev-list", "--reverse", change.after, *(f"^{sha}" for sha in known)]
        return [self.show(sha) for sha in self._git(*argv).split()]

    def _others(self, change: RefChange) -> list[str]:
        """Tips that existed before a new ref came."""
        return [sha for ref, sha in self.refs().items() if ref != change.ref]

    def contains(self, sha: str, ancestor: str) -> bool:
        try:
            self._git("merge-base", "--is-ancestor", ancestor, sha)
        except subprocess.CalledProcessError:
            return False
        return True

    def fetch(self, other: "BareRepository", source: str, target: str) -> None:
        """Take `source` (a ref or SHA) of another repository over as the ref `target`."""
        self._git("fetch", "--quiet", "--no-tags", str(other.folder), f"+{source}:{target}")


def _commit_stream(
    ref: str,
    base: str | None,
    files: Mapping[str, str | bytes | None],
    message: str,
    author: str,
) -> bytes:
    """What `git fast-import` reads."""
    email = f"{author.lower().replace(' ', '.')}@example.org"
    seconds = int(datetime.now(UTC).timestamp())
    text = message.encode()
    lines = [f"commit {ref}\ncommitter {author} <{email}> {seconds} +0000\n".encode()]
    lines.append(b"data %d\n%s\n" % (len(text), text))
    if base:
        lines.append(f"from {base}\n".encode())
    for path, content in files.items():
        if content is None:
            lines.append(f"D {path}\n".encode())
        else:
            data = content.encode() if isinstance(content, str) else content
            lines.append(f"M 100644 inline {path}\n".encode())
            lines.append(b"data %d\n%s\n" % (len(data), data))
    head = b"" if base else f"reset {ref}\n".encode()
    return head + b"".join(lines)


def git(folder: Path, *arguments: str, data: bytes | None = None) -> bytes:
    """What a Git command prints; nobody's own configuration takes part."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=data, env=git_environment(),
        capture_output=True, timeout=SECONDS, check=True,
    )  # fmt: skip
    return done.stdout


def git_environment(more: Sequence[tuple[str, str]] = ()) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        **dict(more),
    }

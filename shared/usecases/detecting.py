"""What would be built from a connected repository, without a clone."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Final

from shared.domain.detection.detect import MANIFESTS, candidates, inspect
from shared.domain.detection.plan import Plan
from shared.domain.detection.tree import MAX_READ, SKIPPED
from shared.domain.errors import NothingDetected, PlatformError
from shared.domain.git import GitConnection
from shared.ports.git import Tree
from shared.usecases.connections import Access
from shared.usecases.repositories import tree_of

_FILES: Final = 80
_BYTES: Final = 4 * 1024 * 1024
_SECONDS: Final = 20.0
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Detection:
    """What would be built: a plan, or the `reason` there is none. `candidates` are folders that
    could be deployed on their own; not `complete`: the repository is larger than what was seen."""

    ref: str
    plan: Plan | None
    reason: str | None
    candidates: Sequence[tuple[str, Plan]]
    files_read: int
    complete: bool


def detect(
    connection: GitConnection, full_name: str, ref: str | None, folder: str, *, access: Access
) -> Detection:
    """Detection without a clone: over the list of files, reading only those it asks for."""
    ref, found = tree_of(connection, full_name, ref, folder, access=access)
    provider, token = access(connection)
    prefix = f"{folder.strip('/')}/" if folder.strip("/") else ""

    def read(path: str) -> bytes:
        return provider.read(token, full_name, ref, prefix + path)

    tree = RemoteTree(found, read)
    tree.fetch([path for path in tree.paths() if path in MANIFESTS])
    plan, reason = None, None
    try:
        plan = inspect(tree)
    except NothingDetected as error:
        reason = error.reason
    others = [] if plan is not None and not plan.missing else candidates(tree)
    complete = found.complete and not tree.exhausted
    return Detection(ref, plan, reason, others, tree.files_read, complete)


class RemoteTree:
    """A tree behind an API, read file by file within limits of number, bytes and time.

    Past a limit every further file counts as unreadable and `exhausted` is true.
    """

    def __init__(self, tree: Tree, read: Callable[[str], bytes]) -> None:
        self._sizes = {
            entry.path: entry.size
            for entry in tree.entries
            if not entry.is_folder and not SKIPPED & set(entry.path.split("/")[:-1])
        }
        self._paths = tuple(sorted(self._sizes))
        self._ask = read
        self._texts: dict[str, str | None] = {}
        self._bytes_left = _BYTES
        self._until = monotonic() + _SECONDS
        self.exhausted = False

    @property
    def files_read(self) -> int:
        return len(self._texts)

    def paths(self) -> tuple[str, ...]:
        return self._paths

    def read(self, path: str) -> str | None:
        if path not in self._sizes or (self._sizes[path] or 0) > MAX_READ:
            return None
        if path not in self._texts:
            self.fetch([path])
        return self._texts.get(path)

    def fetch(self, paths: Sequence[str]) -> None:
        """Read several side by side."""
        left = min(_FILES - len(self._texts), len(paths)) if self._may_go_on() else 0
        self.exhausted = self.exhausted or left < len(paths)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(self._fetched, paths[:left]))
        for path, content in zip(paths[:left], found, strict=True):
            self._bytes_left -= len(content or b"")
            self._texts[path] = _text(content)

    def _may_go_on(self) -> bool:
        return self._bytes_left > 0 and monotonic() < self._until

    def _fetched(self, path: str) -> bytes | None:
        try:
            return self._ask(path)
        except PlatformError:
            return None


def _text(content: bytes | None) -> str | None:
    if content is None or len(content) > MAX_READ or b"\0" in content:
        return None
    return content.decode("utf-8", errors="replace").removeprefix("\ufeff")

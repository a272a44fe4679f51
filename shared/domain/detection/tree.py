"""The files of a source as detection sees them, whether on disk or behind an API."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from shared.domain.errors import Invalid, SourceNotFound

MAX_FILES: Final = 20_000
"""More paths than this are not looked at."""
MAX_READ: Final = 512 * 1024
"""Bytes; a bigger file counts as unreadable."""
MAX_TOTAL_READ: Final = 32 * 1024 * 1024
"""Bytes; once so much was read, every further file counts as unreadable."""
SKIPPED: Final = frozenset(
    {".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".mypy_cache"}
)
"""Folders that never hold the source itself."""


class Tree(Protocol):
    """A read-only set of files. Paths are relative, with `/`, without a leading `./`."""

    def paths(self) -> tuple[str, ...]:
        """Every file's path, sorted; the same answer each time."""
        ...

    def read(self, path: str) -> str | None:
        """The text of one file, or None where it is absent, binary or over the limit."""
        ...


class MappingTree:
    """A tree held in memory: what a Git provider's API answered, or a test wrote."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = dict(files)
        self._paths = tuple(sorted(self._files))

    def paths(self) -> tuple[str, ...]:
        return self._paths

    def read(self, path: str) -> str | None:
        text = self._files.get(path)
        return text if text is not None and len(text) <= MAX_READ else None


class Subtree:
    """One folder of another tree, seen as a tree of its own."""

    def __init__(self, tree: Tree, folder: str) -> None:
        self._tree = tree
        self._prefix = f"{folder}/"
        start = len(self._prefix)
        self._paths = tuple(p[start:] for p in tree.paths() if p.startswith(self._prefix))

    def paths(self) -> tuple[str, ...]:
        return self._paths

    def read(self, path: str) -> str | None:
        return self._tree.read(self._prefix + path)


class DirectoryTree:
    """A tree on disk, read without ever leaving its root.

    `root` is the clone, `sub_folder` the root directory of a service inside it. Symbolic links
    whose target lies outside the clone do not exist for it, and linked folders are not walked.
    Raises Invalid when `sub_folder` leaves the clone and SourceNotFound when it is no folder.
    """

    def __init__(self, root: Path, sub_folder: str = "") -> None:
        self._clone = root.resolve()
        parts = [p for p in PurePosixPath(sub_folder.strip("/")).parts if p != "."]
        if ".." in parts:
            raise Invalid(f"the root directory {sub_folder!r} leaves the repository")
        self._root = self._clone.joinpath(*parts).resolve()
        if not self._inside(self._root):
            raise Invalid(f"the root directory {sub_folder!r} leaves the repository")
        if not self._root.is_dir():
            raise SourceNotFound(
                f"the root directory {sub_folder!r} is not a folder of this repository; "
                "check its spelling in the service's settings"
            )
        self._paths = tuple(sorted(self._walk()))
        self._known = frozenset(self._paths)
        self._left = MAX_TOTAL_READ

    def paths(self) -> tuple[str, ...]:
        return self._paths

    def read(self, path: str) -> str | None:
        if path not in self._known:
            return None
        limit = min(MAX_READ, self._left)
        try:
            with (self._root / path).open("rb") as file:
                content = file.read(limit + 1)
        except OSError:
            return None
        if len(content) > limit or b"\0" in content:
            return None
        self._left -= len(content)
        return content.decode("utf-8", errors="replace").removeprefix("\ufeff")

    def _inside(self, target: Path) -> bool:
        return target == self._clone or self._clone in target.parents

    def _walk(self) -> Iterator[str]:
        seen = 0
        for folder, names, files in os.walk(self._root, followlinks=False):
            names[:] = sorted(name for name in names if name not in SKIPPED)
            for name in sorted(files):
                full = Path(folder, name)
                if not self._readable(full):
                    continue
                yield full.relative_to(self._root).as_posix()
                seen += 1
                if seen >= MAX_FILES:
                    return

    def _readable(self, file: Path) -> bool:
        try:
            target = file.resolve(strict=True) if file.is_symlink() else file
            return self._inside(target) and target.is_file()
        except (OSError, RuntimeError):
            return False


def folder_of(path: str) -> str:
    """The folder that holds a path, empty for the tree's own root."""
    return path.rpartition("/")[0]


def below(path: str, folder: str) -> str:
    """`folder/path`, or the path alone where the folder is the tree's own root."""
    return f"{folder}/{path}" if folder else path

"""Puts the Dockerfile to build with where the repository cannot reach it."""

import re
from pathlib import Path
from typing import Final

from shared.domain.detection.plan import Plan, Provider
from shared.domain.errors import BuildFailed

_SYNTAX: Final = re.compile(r"^\s*#\s*syntax\s*=.*$", re.IGNORECASE)
_DIRECTIVE: Final = re.compile(r"^\s*#\s*\w+\s*=")
_LARGEST: Final = 1024 * 1024


def place(plan: Plan, context: Path, folder: Path, *, strip_syntax: bool) -> Path:
    """The Dockerfile, with the .dockerignore that belongs to it, as copies in `folder`.

    Copies, because the client would follow a symlink in the repository to any file of this
    machine. Raises BuildFailed.
    """
    target = folder / "Dockerfile"
    if plan.provider is Provider.DOCKERFILE:
        source = inside(context, plan.dockerfile_path or "Dockerfile")
        text = _read(source, plan.dockerfile_path or "Dockerfile")
        ignore = source.with_name(f"{source.name}.dockerignore")
        own = _read(ignore, ignore.name) if ignore.is_file() and not ignore.is_symlink() else None
    else:
        text, own = plan.dockerfile or "", plan.dockerignore
    target.write_text(without_syntax(text) if strip_syntax else text)
    if own is not None:
        target.with_name("Dockerfile.dockerignore").write_text(own)
    return target


def inside(folder: Path, path: str) -> Path:
    """`folder/path` with symlinks resolved. Raises BuildFailed when that leads out of it."""
    found = (folder / path).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise BuildFailed(f"{path} leads out of the repository; use a file inside it.")
    return found


def without_syntax(text: str) -> str:
    """`text` without its `# syntax=` line, which asks for a frontend from a registry."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if not _DIRECTIVE.match(line):
            break
        if _SYNTAX.match(line):
            return "\n".join([*lines[:number], *lines[number + 1 :]])
    return text


def _read(path: Path, shown: str) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise BuildFailed(f"{shown} is larger than 1 MiB, which is no Dockerfile.")
        return path.read_text("utf-8", "replace")
    except OSError as error:
        raise BuildFailed(f"{shown} cannot be read: {error.strerror}.") from error

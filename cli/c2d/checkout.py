"""What a git checkout says about itself: its origin, its branch, and what is not pushed."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_SCP = re.compile(r"^(?:[\w.-]+@)?[\w.-]+:(?!//)(?P<path>.+)$")


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working tree with a remote that the platform can clone from."""

    top: Path
    origin: str
    branch: str | None
    """The branch that origin follows, by its name there; None on a branch never pushed."""
    ahead: int
    """Commits that origin does not have."""
    dirty: bool


def find() -> Checkout | None:
    """The checkout around the working directory, or None without one or without an origin."""
    top = _git("rev-parse", "--show-toplevel")
    origin = _git("remote", "get-url", "origin")
    if not top or not origin:
        return None
    upstream = _git("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
    on_origin = upstream is not None and upstream.startswith("origin/")
    ahead = _git("rev-list", "--count", "@{upstream}..HEAD") if on_origin else None
    return Checkout(
        top=Path(top),
        origin=without_credentials(origin),
        branch=upstream.removeprefix("origin/") if upstream and on_origin else None,
        ahead=int(ahead or 0),
        dirty=bool(_git("status", "--porcelain", "--untracked-files=no")),
    )


def without_credentials(url: str) -> str:
    """The address without a user or a password in it: those do not belong on the platform."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def same_repository(one: str, other: str) -> bool:
    """Whether two addresses differ in nothing but a suffix, a slash or credentials."""
    return _plain(one) == _plain(other)


def name_of(url: str) -> str:
    """A project's name from a repository's address: its last part."""
    matched = _SCP.match(url)
    path = matched["path"] if matched else urlsplit(url).path or url
    last = path.rstrip("/").removesuffix(".git").rpartition("/")[2]
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-") or "app"


def _plain(url: str) -> str:
    return without_credentials(url).rstrip("/").removesuffix(".git").lower()


def _git(*arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()

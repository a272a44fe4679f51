"""What people may write where we act on it: repositories, branches, paths.

Each function answers its argument, or raises Invalid with a sentence that says what would do.
"""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.domain.errors import Invalid

_SCHEMES: Final = {"http", "https", "ssh", "git", "file"}
_SCP: Final = re.compile(r"^[\w.-]+@(?P<host>[\w.-]+):(?!//)\S+$")
_HOST: Final = re.compile(r"^(?!-)[A-Za-z0-9_.-]{1,253}(?<!-)$")
_OURS: Final = ("localhost", "internal", "local", "localdomain", "home.arpa")
"""Names that lead nowhere but into a network's own machines."""
_NOT_IN_A_BRANCH: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")


def checked_repository(url: str) -> str:
    """A Git repository's address, without credentials: it would be stored as it is."""
    if _scp_host(url):
        return url
    parts = _split(url)
    if parts.scheme not in _SCHEMES or not (parts.netloc or parts.scheme == "file"):
        raise _no_repository(url)
    if parts.scheme != "file" and not _names_a_host(parts.hostname):
        raise _no_repository(url)
    if parts.password or (parts.username and parts.scheme in {"http", "https"}):
        raise Invalid(
            "the repository URL holds a user or a password, and would be stored as it is: "
            "leave them out, and connect the Git host instead"
        )
    return url


def refuse_private(url: str) -> str:
    """An address that does not lead into our own network, as far as its text says.

    Whoever connects looks at the address that the name leads to: this only says so earlier.
    """
    host = _scp_host(url) or _split(url).hostname
    if host is None:
        raise Invalid("repositories on this machine's disk are for a platform of one machine")
    name = host.rstrip(".").lower()
    if name in _OURS or name.endswith(tuple(f".{ending}" for ending in _OURS)) or _private(name):
        raise Invalid(
            f"{host} is in a private network: use a public address, or allow private ones with "
            "C2D_ALLOW_PRIVATE_GIT=true where the platform is yours alone"
        )
    return url


def checked_branch(name: str) -> str:
    """A branch or tag by the rules of git-check-ref-format; never one that reads as an option."""
    parts = name.split("/")
    bad = (
        not name
        or name == "@"
        or name.startswith("-")
        or name.endswith(".")
        or _NOT_IN_A_BRANCH.search(name)
        or any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
    )
    if bad:
        raise Invalid(f"{name!r} cannot be a branch or a tag of Git")
    return name


def checked_path(path: str, what: str) -> str:
    """A path that stays inside of the repository."""
    if path.startswith(("/", "~")) or ".." in re.split(r"[/\\]", path) or "\x00" in path:
        raise Invalid(f"{what} {path!r} must be a path inside the repository")
    return path


def _scp_host(url: str) -> str | None:
    found = None if "://" in url else _SCP.match(url)
    return None if found is None else found["host"]


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises for what is no number
    except ValueError as error:
        raise _no_repository(url) from error
    return parts


def _names_a_host(host: str | None) -> bool:
    return host is not None and (":" in host or _HOST.match(host) is not None)


def _no_repository(url: str) -> Invalid:
    return Invalid(
        f"{url!r} is not a Git URL: use https://host/owner/repository.git or "
        "git@host:owner/repository.git"
    )


def _private(host: str) -> bool:
    """Also the ways of writing an IPv4 address that only old C libraries know."""
    try:
        address = ip_address(host)
    except ValueError:
        return bool(re.fullmatch(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}", host))
    mapped = getattr(address, "ipv4_mapped", None)
    found = mapped or address
    return not found.is_global or found.is_multicast

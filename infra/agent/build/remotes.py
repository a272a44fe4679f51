"""Where a repository is, and whether this agent may go there (SSRF)."""

import ipaddress
import re
import socket
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

import httpx

from infra.agent.settings import Settings
from shared.domain.errors import SourceDenied, SourceNotFound

_SCP: Final = re.compile(r"^(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+):(?P<path>[^/\\].*|/.*)$")
_PORTS: Final = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
_TRANSLATED: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")
)
_HOPS: Final = 5


@dataclass(frozen=True, slots=True)
class Remote:
    """One repository's address without credentials.

    `address` is the checked IP address the connection is pinned to, None where nothing needs to
    be checked; `login` holds credentials that stood in the URL.
    """

    scheme: str
    url: str
    host: str = ""
    port: int = 0
    user: str = ""
    login: tuple[str, str] | None = None
    address: str | None = None

    @property
    def authority(self) -> str:
        """Host and port as git writes them in its prompts."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return shown if self.port in {0, _PORTS.get(self.scheme)} else f"{shown}:{self.port}"

    def child(self, url: str) -> str:
        """A submodule's URL, which may be relative to this one."""
        if not url.startswith(("./", "../")):
            return url
        if self.scheme == "file":
            return str((Path(self.url) / url).resolve())
        parts = urlsplit(self.url)
        joined = urljoin(f"http://x{parts.path.rstrip('/')}/", url)
        return urlunsplit((parts.scheme, parts.netloc, urlsplit(joined).path, "", ""))


def parse_remote(url: str) -> Remote:
    """`url` taken apart. Raises SourceDenied where it is no repository address git may use."""
    text = url.strip()
    if not text or text.startswith("-") or any(ord(character) < 32 for character in text):
        raise SourceDenied(f"{url!r} is no repository address; use an https:// or ssh:// URL.")
    if text.startswith(("/", "./", "../", "file://")):
        return Remote("file", text.removeprefix("file://"))
    if "://" not in text:
        return _scp(text)
    parts = urlsplit(text)
    if parts.scheme not in _PORTS:
        said = f"Repositories are not fetched by {parts.scheme}://"
        raise SourceDenied(f"{said}; use https://, http://, ssh:// or git://.")
    try:
        port = parts.port or _PORTS[parts.scheme]
    except ValueError:
        raise SourceDenied(f"The port in {_shown(text)} is not a number up to 65535.") from None
    if not parts.hostname or parts.hostname.startswith("-"):
        raise SourceDenied(f"{_shown(text)} names no host; correct the repository's URL.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    shown = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    authority = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
    if parts.scheme == "ssh":
        authority = f"{user or 'git'}@{authority}"
    return Remote(
        scheme=parts.scheme,
        url=urlunsplit((parts.scheme, authority, parts.path, "", "")),
        host=parts.hostname,
        port=port,
        user=user or "git" if parts.scheme == "ssh" else "",
        login=(user, password) if parts.scheme in {"http", "https"} and user else None,
    )


def checked(remote: Remote, settings: Settings) -> Remote:
    """`remote` with redirects followed and its address pinned.

    Raises SourceDenied when it leads to where this agent must not go, SourceNotFound when its
    host does not exist.
    """
    if remote.scheme == "file":
        if not settings.allow_local_git:
            raise SourceDenied(
                "Repositories in folders of the build machine are not allowed here; "
                "use a URL, or set C2D_ALLOW_LOCAL_GIT=true on your own machine."
            )
        return remote
    if settings.allow_private_git:
        return remote
    pinned = replace(remote, address=public_address(remote.host, remote.port))
    return _redirected(pinned) if remote.scheme in {"http", "https"} else pinned


def public_address(host: str, port: int) -> str:
    """One address of `host`, if all of them are public. Raises SourceDenied, SourceNotFound."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        raise SourceNotFound(
            f"The host {host} does not exist; check the repository's URL."
        ) from None
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    if not all(is_public(address) for address in addresses):
        raise SourceDenied(
            f"{host} is in a private network, where repositories are not fetched from; "
            "use a public URL, or set C2D_ALLOW_PRIVATE_GIT=true on your own machine."
        )
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is reachable from the whole internet, and leads nowhere else."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return is_public(str(found.ipv4_mapped))
        if any(found in network for network in _TRANSLATED):
            return False
    return found.is_global and not found.is_multicast


def _scp(text: str) -> Remote:
    match = _SCP.match(text)
    if not match or "::" in text:
        raise SourceDenied(f"{text!r} is no repository address; use an https:// or ssh:// URL.")
    user, host, path = match["user"] or "git", match["host"], match["path"]
    url = f"ssh://{user}@{host}/{path.lstrip('/')}"
    return Remote("ssh", url, host, _PORTS["ssh"], user)


def _redirected(remote: Remote) -> Remote:
    """Follows redirects before git does, so that each hop is checked like the first."""
    for _ in range(_HOPS):
        location = _location(remote)
        if location is None:
            return remote
        following = parse_remote(location)
        if following.scheme not in {"http", "https"}:
            raise SourceDenied(
                f"{remote.host} redirects to {following.scheme}://, which is refused."
            )
        pinned = public_address(following.host, following.port)
        keep = remote.login if following.host == remote.host else None
        remote = replace(following, address=pinned, login=keep)
    raise SourceDenied(f"{remote.host} redirects in circles; use the repository's final URL.")


def _location(remote: Remote) -> str | None:
    """Where a fetch of `remote` would be sent, None where it is served at once."""
    probe = f"{remote.url.rstrip('/')}/info/refs?service=git-upload-pack"
    parts = urlsplit(probe)
    shown = f"[{remote.address}]" if ":" in (remote.address or "") else remote.address
    pinned = urlunsplit((parts.scheme, f"{shown}:{remote.port}", parts.path, parts.query, ""))
    try:
        with httpx.Client(timeout=15.0, follow_redirects=False, trust_env=False) as client:
            answer = client.get(
                pinned,
                headers={"Host": remote.authority, "User-Agent": "git/2"},
                extensions={"sni_hostname": remote.host},
            )
    except httpx.HTTPError:
        return None
    target = str(answer.headers.get("Location", ""))
    if not answer.is_redirect or not target:
        return None
    return urljoin(probe, target).partition("/info/refs")[0]


def _shown(url: str) -> str:
    """A URL as it may be repeated: without credentials."""
    return re.sub(r"//[^/@]*@", "//", url)

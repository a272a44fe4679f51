"""Where a Git provider is, who this platform is there, and how patient its clients are."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

from shared import VERSION

AGENT: Final = f"click-to-deploy/{VERSION}"
SECONDS: Final = 10
"""How long a provider may keep silent, before its answer and within it."""
PER_PAGE: Final = 100
_AT_ONCE: Final = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Server:
    """`web_url` is what people open; `ca_file` replaces the system's authorities."""

    web_url: str
    api_url: str
    client_id: str = ""
    client_secret: str = ""
    ca_file: str | None = None

    @property
    def verify(self) -> bool | str:
        return self.ca_file or True


def github_server(url: str, client_id: str, client_secret: str, ca_file: str | None) -> Server:
    """github.com has its API at a host of its own; a GitHub Enterprise Server under /api/v3."""
    web = url.rstrip("/").removesuffix("/api/v3")
    api = "https://api.github.com" if web == "https://github.com" else f"{web}/api/v3"
    return Server(web, api, client_id, client_secret, ca_file)


def gitlab_server(url: str, client_id: str, client_secret: str, ca_file: str | None) -> Server:
    """A GitLab has its API under its own address."""
    web = url.rstrip("/").removesuffix("/api/v4")
    return Server(web, f"{web}/api/v4", client_id, client_secret, ca_file)


def side_by_side(fetch: Callable[[int], Sequence[T]], pages: range) -> list[T]:
    """The items of many pages in their order, fetched several at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [item for page in pool.map(fetch, pages) for item in page]

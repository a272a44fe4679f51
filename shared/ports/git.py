"""What the platform asks of a Git provider. Two adapters serve it: GitHub and GitLab.

Every call has a deadline. Besides what is named, each raises Transient (throttled, down, too
slow), AccessLost (the token or the account no longer opens this) and NotFound.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from shared.domain.git import Provider

MAX_REPOSITORIES: Final = 5_000
MAX_ENTRIES: Final = 20_000
MAX_FILE: Final = 1024 * 1024
"""Bytes."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What an OAuth exchange or refresh answers. GitLab's refresh tokens work once."""

    access_token: str
    refresh_token: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Account:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Repository:
    """`id` survives renames; `full_name` is `owner/name` (GitLab: the whole group path)."""

    id: str
    full_name: str
    clone_url: str
    web_url: str
    default_branch: str | None
    private: bool
    can_administer: bool


@dataclass(frozen=True, slots=True)
class Branch:
    name: str
    sha: str
    protected: bool


@dataclass(frozen=True, slots=True)
class TreeEntry:
    path: str
    is_folder: bool
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Tree:
    """Files and folders, what is nearest to the root first. Not `complete`: some are missing."""

    entries: tuple[TreeEntry, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    message: str
    author: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A webhook at the provider: its id for the API, and the name its deliveries carry."""

    id: str
    delivered_as: str | None


@dataclass(frozen=True, slots=True)
class SeenDelivery:
    """One line of the provider's own list of deliveries.

    `delivery_id` is empty where the server gave none, `at` None where it does not say. `handle`
    is what `redeliver` takes.
    """

    delivery_id: str
    event: str
    at: datetime | None
    handle: str


class Checks(StrEnum):
    """What other systems say of a commit; NONE when none of them said anything."""

    NONE = "none"
    PENDING = "pending"
    PASSED = "passed"
    FAILED = "failed"


class ReportState(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILURE = "failure"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Report:
    """A deployment as the provider shows it on the commit.

    `context` names the status (one per service), `environment` the deployment record's place,
    `deployment_ref` is the record made by an earlier report of the same deployment, whose id is
    `deployment`. `ref` is the branch or tag, where one is known. A `transient` environment ends
    with its request. With `record_only` the status stays as it is: a newer deployment of the
    commit speaks through it.
    """

    sha: str
    state: ReportState
    context: str
    description: str
    target_url: str | None
    environment: str
    environment_url: str | None = None
    deployment_ref: str | None = None
    deployment: str = ""
    ref: str | None = None
    transient: bool = False
    record_only: bool = False


class OAuth(Protocol):
    """Connecting an account: authorization code with state and PKCE (S256)."""

    @property
    def base_url(self) -> str:
        """The server's web address, without a slash at its end."""

    def authorize_url(self, *, state: str, challenge: str, redirect_url: str) -> str: ...

    def exchange(self, *, code: str, verifier: str, redirect_url: str) -> Grant:
        """Raises Invalid when the provider refuses the code."""

    def refresh(self, refresh_token: str) -> Grant:
        """Raises AccessLost when the token has been used or revoked."""

    def revoke(self, access_token: str) -> None:
        """Give the token back. Repeating is fine."""


class Repositories(Protocol):
    """Reading with an account's access token."""

    def account(self, token: str) -> Account: ...

    def list(self, token: str, *, limit: int, page: int) -> Sequence[Repository]:
        """Most recently used first; `page` from 1."""

    def every(self, token: str) -> Sequence[Repository]:
        """All of them, at most MAX_REPOSITORIES, most recently used first."""

    def get(self, token: str, full_name: str) -> Repository: ...

    def branches(
        self, token: str, full_name: str, *, limit: int, page: int
    ) -> Sequence[Branch]: ...

    def tree(self, token: str, full_name: str, ref: str, path: str) -> Tree:
        """Everything below `path`, relative to it, at most MAX_ENTRIES. Submodules are left out."""

    def read(self, token: str, full_name: str, ref: str, path: str) -> bytes:
        """One file. Raises TooLarge above MAX_FILE, Invalid for what is no file."""

    def commit(self, token: str, full_name: str, ref: str) -> Commit: ...


class Webhooks(Protocol):
    """Our hook on a repository: push, tag and request events."""

    def register(self, token: str, full_name: str, *, url: str, secret: str) -> Registered:
        """Make it, or take over the one that has this URL already."""

    def change_secret(
        self, token: str, full_name: str, hook: str, *, url: str, secret: str
    ) -> None: ...

    def remove(self, token: str, full_name: str, hook: str) -> None:
        """Missing is fine."""

    def deliveries(
        self, token: str, full_name: str, hook: str, since: datetime
    ) -> Sequence[SeenDelivery]:
        """What the provider sent since then, oldest first."""

    def redeliver(self, token: str, full_name: str, hook: str, handle: str) -> None:
        """Have the provider send it again."""


class Reports(Protocol):
    """What a commit or request shows of us."""

    def report(self, token: str, full_name: str, report: Report) -> str | None:
        """Commit status and deployment record; answers the record's reference."""

    def checks(self, token: str, full_name: str, sha: str, *, ours: str) -> Checks:
        """What others said of the commit: not statuses whose context starts with `ours`."""

    def comment(
        self, token: str, full_name: str, number: int, text: str, comment: str | None
    ) -> str:
        """Write or rewrite our comment on request `number`; answers its reference."""


class GitProvider(OAuth, Repositories, Webhooks, Reports, Protocol):
    """Everything of one provider's server."""


Providers = Callable[[Provider], GitProvider]
"""The configured server of a provider. Raises Invalid when this platform has none."""

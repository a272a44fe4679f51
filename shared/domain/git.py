"""Git providers: connections to accounts, links to repositories, hooks, reports on commits."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Provider(StrEnum):
    GITHUB = "github"
    GITLAB = "gitlab"


class ConnectionState(StrEnum):
    ACTIVE = "active"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class GitConnection:
    """An account at a provider, connected by a member of the organisation.

    `base_url` is the provider's web address (`https://github.com`). Tokens are sealed with the
    connection's id as context.
    """

    id: UUID
    organization_id: UUID
    provider: Provider
    base_url: str
    account_id: str
    account_name: str
    connected_by: str
    sealed_access_token: str
    created_at: datetime
    updated_at: datetime
    sealed_refresh_token: str | None = None
    token_expires_at: datetime | None = None
    state: ConnectionState = ConnectionState.ACTIVE
    reason: str | None = None
    checked_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class GitSource:
    """A service's repository at a connected provider. `repository_id` survives renames.

    Only a clone of `clone_url`, as the provider said it, gets the connection's token.
    """

    organization_id: UUID
    service_id: UUID
    connection_id: UUID
    repository_id: str
    full_name: str
    created_at: datetime
    clone_url: str = ""
    lost_reason: str | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GitHook:
    """Our webhook on one repository, for one connection.

    `provider_hook_id` is what deliveries name: GitHub's hook id, GitLab's webhook UUID (a text we
    send to ourselves when the server knows none). The secret before the last rotation is accepted
    until `previous_until`. `cursor` is how far the sweep has read the provider's own list.

    The row says what is wanted: `settled` is whether the provider has it so, `lost_reason` why
    not. Then `next_try_at` is when to try again. `url` is where it was last told to deliver.
    """

    id: UUID
    organization_id: UUID
    connection_id: UUID
    provider: Provider
    repository_id: str
    full_name: str
    sealed_secret: str
    created_at: datetime
    provider_hook_id: str | None = None
    registered_id: str | None = None
    sealed_previous_secret: str | None = None
    previous_until: datetime | None = None
    swept_at: datetime | None = None
    cursor: str | None = None
    lost_reason: str | None = None
    url: str = ""
    settled: bool = False
    tries: int = 0
    next_try_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GitAuthorization:
    """Connecting an account, between its beginning and the provider's answer.

    The state in the URL is stored as its hash and used once. It is bound to the user who began:
    by a cookie in their browser (`browser_hash`), or by a code that the answer's page shows and
    they repeat where they began (`confirm_hash`); `sealed_code` waits for that.
    """

    id: UUID
    organization_id: UUID
    provider: Provider
    base_url: str
    state_hash: str
    sealed_verifier: str
    user_id: str
    user_name: str
    created_at: datetime
    expires_at: datetime
    browser_hash: str | None = None
    port: int | None = None
    used_at: datetime | None = None
    sealed_code: str | None = None
    confirm_hash: str | None = None
    confirm_tries: int = 0
    connection_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class GitListing:
    """What repositories a connection showed a moment ago; each is a document."""

    organization_id: UUID
    connection_id: UUID
    listed_at: datetime
    repositories: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class CommitReport:
    """What the provider was told about a deployment, and what it is still to be told.

    It is due while `reported_state` is not the deployment's state, unless it is `done`: its end
    was told, or nobody could be told (`error` says why). `next_try_at` lies ahead while somebody
    is telling the provider, and is what they hold it by. `deployment_ref` is the provider's own
    deployment record.
    """

    organization_id: UUID
    deployment_id: UUID
    service_id: UUID
    connection_id: UUID
    repository_id: str
    full_name: str
    sha: str
    environment: str
    created_at: datetime
    next_try_at: datetime
    reported_state: str | None = None
    reported_at: datetime | None = None
    deployment_ref: str | None = None
    tries: int = 0
    error: str | None = None
    done: bool = False

"""Git providers: connections to accounts, links to repositories, hooks, reports on commits."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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
    """A service's repository at a connected provider. `repository_id` survives renames."""

    organization_id: UUID
    service_id: UUID
    connection_id: UUID
    repository_id: str
    full_name: str
    created_at: datetime
    lost_reason: str | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GitHook:
    """Our webhook on one repository, for one connection.

    `provider_hook_id` is what deliveries name: GitHub's hook id, GitLab's webhook UUID (a text we
    send to ourselves when the server knows none). The secret before the last rotation is accepted
    until `previous_until`. `cursor` is how far the sweep has read the provider's own list.
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

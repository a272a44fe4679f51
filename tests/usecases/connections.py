"""Rows of connected accounts for tests."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from shared.domain.git import GitConnection, GitHook, GitSource, Provider
from shared.domain.ids import new_id, now
from shared.ports.git import Repository
from shared.ports.secrets import Vault
from shared.usecases.connecting import sealed_tokens
from tests.fakes.git_provider import FakeProvider


def a_connection(
    provider: FakeProvider, vault: Vault, organization_id: UUID, **more: Any
) -> GitConnection:
    """An account that has just been connected at `provider`."""
    id_ = more.pop("id", None) or new_id()
    made = GitConnection(
        id=id_,
        organization_id=organization_id,
        provider=Provider.GITHUB,
        base_url=provider.base_url,
        account_id=provider.user.id,
        account_name=provider.user.name,
        connected_by="ada",
        created_at=now(),
        updated_at=now(),
        checked_at=now(),
        **sealed_tokens(provider.grant(), str(id_), vault),
    )
    return replace(made, **more)


def a_hook(connection: GitConnection, vault: Vault, **more: Any) -> GitHook:
    id_ = more.pop("id", None) or new_id()
    made = GitHook(
        id=id_,
        organization_id=connection.organization_id,
        connection_id=connection.id,
        provider=connection.provider,
        repository_id="1",
        full_name="acme/web",
        sealed_secret=vault.seal("secret", str(id_)),
        created_at=now(),
        provider_hook_id="77",
        registered_id="77",
        settled=True,
    )
    return replace(made, **more)


def a_source(
    connection: GitConnection, service_id: UUID, repository: Repository, **more: Any
) -> GitSource:
    made = GitSource(
        organization_id=connection.organization_id,
        service_id=service_id,
        connection_id=connection.id,
        repository_id=repository.id,
        full_name=repository.full_name,
        clone_url=repository.clone_url,
        created_at=now(),
        checked_at=now(),
    )
    return replace(made, **more)

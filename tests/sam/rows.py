"""Rows with the ids of the samples."""

import hashlib
from typing import Any, Final
from uuid import UUID

from infra.generate.events import SAMPLE_ID
from shared.domain.access import LOCAL_ORGANIZATION, ApiToken
from shared.domain.agents import Registration
from shared.domain.git import GitConnection, Provider
from shared.domain.ids import now
from shared.domain.resources import Resource, ResourceKind, ResourceState
from shared.domain.services import Service
from shared.ports.git import Grant, Repository
from shared.usecases.connecting import sealed_tokens
from tests.standins.github import GitHubServer

ID: Final = UUID(SAMPLE_ID)
REPOSITORY: Final = "acme/web"


def a_connection(id_: UUID, provider: Provider, host: GitHubServer, vault: Any) -> GitConnection:
    account = host.add_account("acme")
    return GitConnection(
        id=id_,
        organization_id=LOCAL_ORGANIZATION,
        provider=provider,
        base_url=host.url,
        account_id=str(account.id),
        account_name=account.login,
        connected_by="ada",
        created_at=now(),
        updated_at=now(),
        checked_at=now(),
        **sealed_tokens(Grant(host.token("acme")), str(id_), vault),
    )


def as_listed(repository: Any, host: GitHubServer) -> Any:
    url = f"{host.url}/{REPOSITORY}"
    return Repository(str(repository.id), REPOSITORY, f"{url}.git", url, "main", True, True)


def a_token() -> ApiToken:
    return ApiToken(
        id=ID,
        organization_id=LOCAL_ORGANIZATION,
        name="ci",
        hint="c2d_other",
        token_hash=hashlib.sha256(b"another token").hexdigest(),
        scopes=("read",),
        user_id="owner",
        created_by="owner",
        created_at=now(),
    )


def a_registration() -> Registration:
    """A token of agents, not the one that the samples' agent has."""
    return Registration(
        id=ID,
        name="others",
        hint="c2da_other",
        token_hash=hashlib.sha256(b"another token of agents").hexdigest(),
        roles=("build", "edge"),
        created_by="owner",
        created_at=now(),
    )


def a_leftover(service: Service) -> Resource:
    return Resource(
        id=ID,
        organization_id=LOCAL_ORGANIZATION,
        kind=ResourceKind.INSTANCE,
        state=ResourceState.NEEDS_ATTENTION,
        created_at=now(),
        updated_at=now(),
        project_id=service.project_id,
        service_id=service.id,
        provider_id="gone",
        reason="the engine did not answer",
    )

"""What hangs on Git providers, with what a test does not care about filled in."""

from typing import Any
from uuid import UUID, uuid4

from shared.domain.deployments import Deployment
from shared.domain.git import CommitReport, GitConnection, GitHook, GitSource, Provider
from shared.domain.previews import Preview, PreviewState
from shared.domain.services import Service
from shared.domain.webhooks import Delivery
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.made import ORG, Shop, moment, stored_shop

SHA = "a" * 40


def a_connection(**fields: Any) -> GitConnection:
    at = moment()
    made = {
        "id": uuid4(),
        "organization_id": ORG,
        "provider": Provider.GITHUB,
        "base_url": "https://github.com",
        "account_id": "42",
        "account_name": "octocat",
        "connected_by": "ada",
        "sealed_access_token": "sealed",
        "created_at": at,
        "updated_at": at,
    }
    return GitConnection(**{**made, **fields})


def a_source(service: Service, connection: GitConnection, **fields: Any) -> GitSource:
    made = {
        "organization_id": service.organization_id,
        "service_id": service.id,
        "connection_id": connection.id,
        "repository_id": "1296269",
        "full_name": "acme/web",
        "created_at": moment(),
    }
    return GitSource(**{**made, **fields})


def a_hook(connection: GitConnection, **fields: Any) -> GitHook:
    made = {
        "id": uuid4(),
        "organization_id": connection.organization_id,
        "connection_id": connection.id,
        "provider": connection.provider,
        "repository_id": "1296269",
        "full_name": "acme/web",
        "sealed_secret": "sealed",
        "created_at": moment(),
        "provider_hook_id": "7",
    }
    return GitHook(**{**made, **fields})


def a_delivery(hook: GitHook, **fields: Any) -> Delivery:
    made = {
        "id": uuid4(),
        "organization_id": hook.organization_id,
        "hook_id": hook.id,
        "connection_id": hook.connection_id,
        "provider": hook.provider,
        "delivery_id": str(uuid4()),
        "event": "push",
        "repository_id": hook.repository_id,
        "payload": {"ref": "refs/heads/main", "paths": ["a/ünï.txt", None]},
        "created_at": moment(),
    }
    return Delivery(**{**made, **fields})


def a_report(deployment: Deployment, connection: GitConnection, **fields: Any) -> CommitReport:
    at = moment()
    made = {
        "organization_id": deployment.organization_id,
        "deployment_id": deployment.id,
        "service_id": deployment.service_id,
        "connection_id": connection.id,
        "repository_id": "1296269",
        "full_name": "acme/web",
        "sha": SHA,
        "environment": "shop/web",
        "created_at": at,
        "next_try_at": at,
    }
    return CommitReport(**{**made, **fields})


def a_preview(service: Service, connection: GitConnection, **fields: Any) -> Preview:
    at = moment()
    made = {
        "id": uuid4(),
        "organization_id": service.organization_id,
        "project_id": service.project_id,
        "service_id": service.id,
        "connection_id": connection.id,
        "repository_id": "1296269",
        "number": 7,
        "title": "Fix the ünïcode 🛒",
        "branch": "fix",
        "sha": SHA,
        "author": "ada",
        "from_fork": False,
        "state": PreviewState.ACTIVE,
        "created_at": at,
        "updated_at": at,
        "expires_at": at,
        "next_try_at": at,
    }
    return Preview(**{**made, **fields})


def stored_connection(uow: UnitOfWork, **fields: Any) -> GitConnection:
    connection = a_connection(**fields)
    with uow:
        uow.connections.add(connection)
    return connection


def connected_shop(
    uow: UnitOfWork, slug: str = "shop", organization_id: UUID = ORG, **fields: Any
) -> tuple[Shop, GitConnection]:
    """A shop, and a connection of its organisation."""
    connection = stored_connection(uow, organization_id=organization_id, **fields)
    return stored_shop(uow, slug, organization_id), connection

"""What opens a service's repository to the build that clones it."""

from dataclasses import dataclass
from typing import Any, Final

from shared.domain.errors import AccessLost, Invalid
from shared.domain.git import GitConnection, Provider
from shared.domain.services import Service
from shared.ports.store import UnitOfWork
from shared.usecases.connections import Access

_USERS: Final = {Provider.GITHUB: "x-access-token", Provider.GITLAB: "oauth2"}
"""What providers want as the user beside an OAuth token; no account has that name."""


@dataclass(frozen=True, slots=True)
class Login:
    """`credentials` as an agent takes them; `lost` says why there are none. A public repository
    needs none: then the clone works all the same."""

    credentials: dict[str, Any] | None = None
    lost: str | None = None


def connection_to_clone(uow: UnitOfWork, service: Service) -> GitConnection | None:
    """The connection that opens the service's URL, inside the caller's transaction.

    None for any other URL: a token is only ever sent where its provider said to clone from.
    """
    source = uow.sources.find(service.organization_id, service.id)
    if source is None or service.source is None:
        return None
    if service.source.repository_url != source.clone_url:
        return None
    return uow.connections.get(source.organization_id, source.connection_id)


def login(connection: GitConnection | None, access: Access) -> Login:
    """A token that lasts for the clone. Raises Transient while it cannot be renewed."""
    if connection is None:
        return Login()
    try:
        _, token = access(connection)
    except (AccessLost, Invalid) as error:
        return Login(lost=error.reason)
    return Login({"username": _USERS[connection.provider], "password": token})

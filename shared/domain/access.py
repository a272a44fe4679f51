"""Who calls, and what they may do."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from shared.domain.errors import Forbidden

LOCAL_ORGANIZATION: Final = UUID("6f7267a0-0000-4000-8000-000000000001")
"""The organisation of whoever owns this machine."""
LOCAL_OWNER: Final = "local"
"""How this machine's own issuer calls its only organisation."""
LOCAL_CLIENT: Final = "click-to-deploy"
"""The client id of what signs people in on one machine: `c2d` and the web page."""
TOKEN_PREFIX: Final = "c2d_"  # noqa: S105 - how a token begins, not one


class Role(StrEnum):
    """A member's role in an organisation, as the identity provider says it."""

    OWNER = "owner"
    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class Scope(StrEnum):
    """What a call may do. Each one stands alone: `admin` does not imply `read`."""

    READ = "read"
    DEPLOY = "deploy"
    WRITE = "write"
    ADMIN = "admin"


SCOPES: Final[dict[Role, frozenset[Scope]]] = {
    Role.OWNER: frozenset(Scope),
    Role.ADMIN: frozenset(Scope),
    Role.DEVELOPER: frozenset({Scope.READ, Scope.DEPLOY, Scope.WRITE}),
    Role.VIEWER: frozenset({Scope.READ}),
}


def scopes_of(roles: Iterable[Role]) -> frozenset[Scope]:
    """What members with these roles may do; nothing without a role."""
    return frozenset[Scope]().union(*(SCOPES[role] for role in roles))


class ActorKind(StrEnum):
    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind, not a secret
    GIT = "git"


class Credential(StrEnum):
    """What a caller has shown."""

    MACHINE_TOKEN = "machine_token"  # noqa: S105 - a kind, not a secret
    API_TOKEN = "api_token"  # noqa: S105 - a kind, not a secret
    ACCESS_TOKEN = "access_token"  # noqa: S105 - a kind, not a secret


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is calling, for which organisation, and what they may do there.

    `id` is stable (an identity provider's subject, a token's id); `name` is for people. `user_id`
    is the person behind a token, or `id` itself.
    """

    organization_id: UUID
    id: str
    name: str
    kind: ActorKind
    scopes: frozenset[Scope]
    roles: frozenset[Role] = frozenset()
    user_id: str = ""
    email: str | None = None
    credential: Credential = Credential.ACCESS_TOKEN

    def require(self, scope: Scope) -> None:
        """Raises Forbidden without `scope`."""
        if scope not in self.scopes:
            has = ", ".join(sorted(self.scopes)) or "nothing"
            raise Forbidden(f"this needs the scope {scope}, and {self.name} has {has}")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A key for programs. Only its SHA-256 is stored; `hint` is how its text begins."""

    id: UUID
    organization_id: UUID
    name: str
    hint: str
    token_hash: str
    scopes: tuple[str, ...]
    user_id: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None

    def usable(self, at: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def revoked(self, at: datetime) -> "ApiToken":
        """Revoked from the first time on."""
        return replace(self, revoked_at=self.revoked_at or at)


def new_token_text() -> str:
    """A token of 256 random bits; shown once, never stored."""
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def token_hash(text: str) -> str:
    """SHA-256 in hexadecimal digits: enough for a text with 256 bits of entropy."""
    return hashlib.sha256(text.encode()).hexdigest()

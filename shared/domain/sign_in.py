"""Members of this machine's organisation, and how far their sign-ins have come."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.access import Role


@dataclass(frozen=True, slots=True)
class Member:
    """A person who may sign in here. Without a password they have been invited only.

    `email` is kept in lower case. Of the invitation only its SHA-256 is stored.
    """

    organization_id: UUID
    id: UUID
    email: str
    name: str
    role: Role
    created_at: datetime
    updated_at: datetime
    password_hash: str | None = None
    invite_hash: str | None = None
    invite_expires_at: datetime | None = None

    @property
    def joined(self) -> bool:
        return self.password_hash is not None

    def with_password(self, password_hash: str, name: str, at: datetime) -> "Member":
        """Joined; the invitation is used up."""
        return replace(
            self,
            name=name,
            password_hash=password_hash,
            invite_hash=None,
            invite_expires_at=None,
            updated_at=at,
        )


class GrantState(StrEnum):
    PENDING = "pending"
    """A device waits for its person."""
    DENIED = "denied"
    GRANTED = "granted"
    """To be exchanged for tokens, once."""
    ACTIVE = "active"
    """Signed in: `secret_hash` is the refresh token's."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One sign-in of one client, from the first request to the last refresh.

    What the client shows next is the id with a secret, of which only the SHA-256 is stored; each
    use makes another secret. Showing one that was used before ends the grant.
    """

    organization_id: UUID
    id: UUID
    state: GrantState
    client_id: str
    secret_hash: str
    scope: str
    created_at: datetime
    expires_at: datetime
    member_id: UUID | None = None
    user_code: str | None = None
    redirect_uri: str | None = None
    code_challenge: str | None = None
    nonce: str | None = None
    polled_at: datetime | None = None

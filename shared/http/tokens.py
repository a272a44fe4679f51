"""API tokens as the API shows them: never their text, never their hash."""

from datetime import datetime
from uuid import UUID

from shared.domain.access import ApiToken, Scope
from shared.http.schemas import Out


class TokenOut(Out):
    id: UUID
    name: str
    hint: str
    scopes: list[Scope]
    user_id: str
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: ApiToken) -> "TokenOut":
        return cls.model_validate(token)

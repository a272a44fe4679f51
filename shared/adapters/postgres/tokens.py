"""API tokens in the database."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.access import api_tokens
from shared.adapters.postgres.transaction import Transaction
from shared.domain.access import ApiToken
from shared.ports.pages import Page


class SqlTokens:
    def __init__(self, transaction: Transaction) -> None:
        self._rows = Entities(transaction, api_tokens, ApiToken)

    def add(self, token: ApiToken) -> None:
        self._rows.insert(token)

    def get(self, organization_id: UUID, token_id: UUID) -> ApiToken:
        return self._rows.get(organization_id, token_id)

    def list(self, organization_id: UUID, limit: int, cursor: str | None) -> Page[ApiToken]:
        query = self._rows.where(organization_id=organization_id)
        return self._rows.page(query, limit, cursor, newest_first=True)

    def list_of(
        self, organization_id: UUID, user_id: str, limit: int, cursor: str | None
    ) -> Page[ApiToken]:
        query = self._rows.where(organization_id=organization_id, user_id=user_id)
        return self._rows.page(query, limit, cursor, newest_first=True)

    def save(self, token: ApiToken) -> None:
        self._rows.update(token)

    def find_everywhere(self, token_hash: str) -> ApiToken | None:
        return self._rows.one(self._rows.where(token_hash=token_hash))

    def used(self, organization_id: UUID, token_id: UUID, at: datetime) -> None:
        mine = (api_tokens.c.organization_id == organization_id) & (api_tokens.c.id == token_id)
        self._rows.transaction.execute(update(api_tokens).where(mine).values(last_used_at=at))

"""Registration tokens of agents: they belong to the platform, not to an organisation."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from shared.adapters.postgres.entities import Entities
from shared.adapters.postgres.tables.work import agent_tokens
from shared.adapters.postgres.transaction import Transaction
from shared.domain.agents import Registration


class SqlRegistrations:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, agent_tokens, Registration, key=("id",))

    def add(self, token: Registration) -> None:
        self._rows.insert(token)

    def get(self, token_id: UUID) -> Registration:
        return self._rows.get(token_id)

    def list(self) -> Sequence[Registration]:
        newest = (agent_tokens.c.created_at.desc(), agent_tokens.c.id.desc())
        return self._rows.all(self._rows.where().order_by(*newest))

    def save(self, token: Registration) -> None:
        self._rows.update(token)

    def used(self, token_id: UUID, at: datetime) -> None:
        mine = agent_tokens.c.id == token_id
        self._tx.execute(update(agent_tokens).where(mine).values(last_used_at=at))

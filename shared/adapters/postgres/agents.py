"""Agents as last heard of."""

from collections.abc import Sequence

from sqlalchemy import delete

from shared.adapters.postgres.entities import Entities, values
from shared.adapters.postgres.tables.work import agents
from shared.adapters.postgres.transaction import Transaction
from shared.domain.jobs import Agent


class SqlAgents:
    def __init__(self, transaction: Transaction) -> None:
        self._tx = transaction
        self._rows = Entities(transaction, agents, Agent, key=("name",))

    def seen(self, agent: Agent) -> None:
        self._tx.put(agents, ("name",), values(agent))

    def list(self) -> Sequence[Agent]:
        return self._rows.all(self._rows.where().order_by(agents.c.name))

    def forget(self, name: str) -> None:
        self._tx.execute(delete(agents).where(agents.c.name == name))

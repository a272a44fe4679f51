"""Agents' registration tokens and queues as the API shows them: never a token's text or hash."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from shared.domain.agents import Registration
from shared.http.schemas import Out
from shared.usecases.agents import Queue


class AgentTokenOut(Out):
    id: UUID
    name: str
    hint: str
    roles: list[str]
    organizations: list[UUID]
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, token: Registration) -> "AgentTokenOut":
        return cls.model_validate(token)


class QueueOut(BaseModel):
    """What to scale agents by. `capacity` counts living agents only."""

    role: str
    queued: int
    oldest_seconds: float
    running: int
    agents: int
    capacity: int

    @classmethod
    def of(cls, queue: Queue) -> "QueueOut":
        return cls(
            role=queue.role,
            queued=queue.queued,
            oldest_seconds=round(max(queue.oldest_seconds, 0), 1),
            running=queue.running,
            agents=queue.agents,
            capacity=queue.capacity,
        )

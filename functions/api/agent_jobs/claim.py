"""POST /agent/jobs/claim"""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.domain.ids import now
from shared.domain.jobs import Agent
from shared.http.app import BASE
from shared.http.deps import RegisteredAgent, Store, Wakeups
from shared.http.entry import lambda_handler
from shared.http.waiting import in_thread, until
from shared.usecases.jobs import BEAT_SECONDS, Claim, claim

router = APIRouter(tags=["agent"])


class ClaimBody(BaseModel):
    agent: str = Field(min_length=1, max_length=100)
    roles: list[Literal["build", "edge"]] = Field(min_length=1)
    wait: float = Field(default=0, ge=0, le=25)
    version: str = ""
    capacity: int = 1
    running: int = 0
    facts: dict[str, Any] = {}


class JobOut(BaseModel):
    id: UUID
    kind: str
    token: str
    attempt: int
    spec: dict[str, Any]
    heartbeat_seconds: int = BEAT_SECONDS

    @classmethod
    def of(cls, claimed: Claim) -> "JobOut":
        job = claimed.job
        return cls(
            id=job.id, kind=job.kind, token=claimed.token, attempt=job.attempt, spec=job.spec
        )


class ClaimOut(BaseModel):
    job: JobOut | None


@router.post(f"{BASE}/agent/jobs/claim")
async def claim_job(body: ClaimBody, _: RegisteredAgent, uow: Store, signals: Wakeups) -> ClaimOut:
    """Give an agent the oldest job of its roles, or nothing after `wait` seconds."""

    def look() -> Claim | None:
        seen = Agent(
            name=body.agent,
            roles=tuple(body.roles),
            version=body.version,
            capacity=body.capacity,
            last_seen_at=now(),
            running=body.running,
            facts=body.facts,
        )
        return claim(seen, body.roles, uow=uow)

    claimed = await until(
        in_thread(look),
        lambda found: found is not None,
        signals=signals,
        channel="jobs",
        key=body.roles[0],
        seconds=body.wait,
    )
    return ClaimOut(job=JobOut.of(claimed) if claimed else None)


handler = lambda_handler(router)

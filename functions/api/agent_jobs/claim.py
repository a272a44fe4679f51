"""POST /agent/jobs/claim"""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.domain.agents import Pace
from shared.domain.ids import now
from shared.domain.jobs import Agent, JobKind
from shared.domain.payloads import check_protocol
from shared.http.app import BASE
from shared.http.deps import Config, RegisteredAgent, Store, Wakeups
from shared.http.entry import lambda_handler
from shared.http.waiting import in_thread, until
from shared.observing.events import job_begun
from shared.usecases.admission import admitted_claim
from shared.usecases.claiming import Claim

router = APIRouter(tags=["agent"])


class ClaimBody(BaseModel):
    """`idle_seconds`: since when no job of this agent has begun or ended."""

    agent: str = Field(min_length=1, max_length=100)
    roles: list[Literal["build", "edge"]] = Field(min_length=1)
    wait: float = Field(default=0, ge=0, le=25)
    version: str = ""
    protocol: int = 1
    capacity: int = 1
    running: int = 0
    idle_seconds: float = Field(default=0, ge=0)
    facts: dict[str, Any] = {}

    def seen(self) -> Agent:
        return Agent(
            name=self.agent,
            roles=tuple(self.roles),
            version=self.version,
            capacity=self.capacity,
            last_seen_at=now(),
            running=self.running,
            facts=self.facts,
        )


class JobOut(BaseModel):
    """`heartbeat_seconds` and `log_seconds` are how often the platform wants to hear of it."""

    id: UUID
    kind: str
    token: str
    attempt: int
    spec: dict[str, Any]
    heartbeat_seconds: float
    log_seconds: float

    @classmethod
    def of(cls, claimed: Claim, pace: Pace) -> "JobOut":
        job = claimed.job
        return cls(
            id=job.id,
            kind=job.kind,
            token=claimed.token,
            attempt=job.attempt,
            spec=job.spec,
            heartbeat_seconds=pace.watch if job.kind is JobKind.WATCH else pace.beat,
            log_seconds=pace.log,
        )


class ClaimOut(BaseModel):
    """Without `retry_after` claims can wait here; with it, nobody is to ask sooner (seconds)."""

    job: JobOut | None
    retry_after: float | None = None


@router.post(f"{BASE}/agent/jobs/claim")
async def claim_job(
    body: ClaimBody, token: RegisteredAgent, uow: Store, signals: Wakeups, settings: Config
) -> ClaimOut:
    """Give an agent the oldest job of its roles, or nothing after `wait` seconds."""
    check_protocol(body.protocol)
    pace, known = settings.agent_pace, settings.agent_token

    def look() -> Claim | None:
        return admitted_claim(token, body.seen(), body.roles, configured=known, pace=pace, uow=uow)

    claimed = await until(
        in_thread(look),
        lambda found: found is not None,
        signals=signals,
        channel="jobs",
        key=body.roles[0],
        seconds=body.wait,
    )
    if claimed:
        job_begun(claimed.job)
    again = (0 if claimed else pace.again(body.idle_seconds)) if signals is None else None
    return ClaimOut(job=JobOut.of(claimed, pace) if claimed else None, retry_after=again)


handler = lambda_handler(router)

"""POST /agent/jobs/{job_id}/heartbeat"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from shared.domain.jobs import JobKind
from shared.http.app import BASE
from shared.http.deps import Config, Engine, JobToken, Secrets, Store
from shared.http.entry import lambda_handler
from shared.observing.subjects import about_job
from shared.usecases.jobs import heartbeat
from shared.usecases.supervision import observe, watch_list

router = APIRouter(tags=["agent"])


class HeartbeatBody(BaseModel):
    observations: list[dict[str, Any]] = []


class HeartbeatOut(BaseModel):
    """`watch` is set for the standing watch only: what to probe from now on."""

    cancel: bool
    watch: list[dict[str, Any]] | None = None


@router.post(f"{BASE}/agent/jobs/{{job_id}}/heartbeat")
def post_heartbeat(
    job_id: UUID,
    token: JobToken,
    uow: Store,
    workflows: Engine,
    vault: Secrets,
    settings: Config,
    body: HeartbeatBody | None = None,
) -> HeartbeatOut:
    """Note that the agent is at work; learn whether it should stop."""
    job = heartbeat(job_id, token, uow=uow, workflows=workflows, vault=vault)
    about_job(job)
    watch = None
    if job.kind is JobKind.WATCH:
        observe(body.observations if body else [], uow=uow)
        watch = watch_list(domain=settings.domain, uow=uow)
    return HeartbeatOut(cancel=job.cancel_requested, watch=watch)


handler = lambda_handler(router)

"""POST /agent/jobs/{job_id}/result"""

from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.http.app import BASE
from shared.http.deps import Engine, JobToken, Secrets, Store
from shared.http.entry import lambda_handler
from shared.observing.events import job_ended
from shared.observing.subjects import about_job
from shared.usecases.jobs import finish

router = APIRouter(tags=["agent"])


class ErrorBody(BaseModel):
    type: str = Field(max_length=100)
    reason: str = Field(default="", max_length=2000)


class ResultBody(BaseModel):
    outcome: Literal["succeeded", "failed", "cancelled"]
    output: dict[str, Any] = {}
    error: ErrorBody | None = None


@router.post(f"{BASE}/agent/jobs/{{job_id}}/result", status_code=204)
def post_result(
    job_id: UUID,
    body: ResultBody,
    token: JobToken,
    uow: Store,
    workflows: Engine,
    vault: Secrets,
) -> None:
    """Take a job's result; the state that waits for it goes on. Sending it again is fine."""
    job, first = finish(
        job_id,
        token,
        outcome=body.outcome,
        output=body.output,
        error=body.error.type if body.error else None,
        reason=body.error.reason if body.error else None,
        uow=uow,
        workflows=workflows,
        vault=vault,
    )
    about_job(job)
    if first:
        job_ended(job)


handler = lambda_handler(router)

"""POST /agent/jobs/{job_id}/logs"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.http.app import BASE
from shared.http.deps import JobToken, Store
from shared.http.entry import lambda_handler
from shared.observing.subjects import about_job
from shared.usecases.jobs import append_log

router = APIRouter(tags=["agent"])


class Line(BaseModel):
    at: datetime
    stream: Literal["stdout", "stderr", "system"]
    text: str


class ChunkBody(BaseModel):
    chunk: int = Field(ge=0)
    lines: list[Line]


@router.post(f"{BASE}/agent/jobs/{{job_id}}/logs", status_code=204)
def post_logs(job_id: UUID, body: ChunkBody, token: JobToken, uow: Store) -> None:
    """Store a numbered chunk of the job's log, once."""
    lines = [(line.at, line.stream, line.text) for line in body.lines]
    about_job(append_log(job_id, token, body.chunk, lines, uow=uow))


handler = lambda_handler(router)

"""POST /agent/jobs/{job_id}/give-back"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import JobToken, Store
from shared.http.entry import lambda_handler
from shared.usecases.admission import give_back

router = APIRouter(tags=["agent"])


@router.post(f"{BASE}/agent/jobs/{{job_id}}/give-back", status_code=204)
def post_give_back(job_id: UUID, token: JobToken, uow: Store) -> None:
    """Queue a job again that its agent has not begun, because it was told to stop meanwhile."""
    give_back(job_id, token, uow=uow)


handler = lambda_handler(router)

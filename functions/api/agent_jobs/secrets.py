"""GET /agent/jobs/{job_id}/secrets"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from shared import bootstrap
from shared.http.app import BASE
from shared.http.deps import JobToken, Secrets, Store
from shared.http.entry import lambda_handler
from shared.usecases.building import build_secrets

router = APIRouter(tags=["agent"])


@router.get(f"{BASE}/agent/jobs/{{job_id}}/secrets")
def get_secrets(job_id: UUID, token: JobToken, uow: Store, vault: Secrets) -> dict[str, Any]:
    """Credentials and build variables of a job, until it ends."""
    return build_secrets(job_id, token, policy=bootstrap.build_policy(), uow=uow, vault=vault)


handler = lambda_handler(router)

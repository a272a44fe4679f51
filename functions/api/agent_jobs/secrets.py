"""GET /agent/jobs/{job_id}/secrets"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from shared import bootstrap
from shared.http.app import BASE
from shared.http.deps import JobToken, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.git import GitAccess
from shared.usecases.building import build_secrets

router = APIRouter(tags=["agent"])


@router.get(f"{BASE}/agent/jobs/{{job_id}}/secrets")
def get_secrets(
    job_id: UUID, token: JobToken, uow: Store, vault: Secrets, access: GitAccess
) -> dict[str, Any]:
    """Credentials and build variables of a job, until it ends."""
    policy = bootstrap.build_policy()
    return build_secrets(job_id, token, policy=policy, uow=uow, vault=vault, access=access)


handler = lambda_handler(router)

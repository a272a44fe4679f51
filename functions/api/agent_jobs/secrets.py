"""GET /agent/jobs/{job_id}/secrets"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter

from shared import bootstrap
from shared.http.app import BASE
from shared.http.deps import JobToken, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.git import GitAccess
from shared.usecases.job_secrets import secrets_of

router = APIRouter(tags=["agent"])


@router.get(f"{BASE}/agent/jobs/{{job_id}}/secrets")
def get_secrets(
    job_id: UUID, token: JobToken, uow: Store, vault: Secrets, access: GitAccess
) -> dict[str, Any]:
    """Credentials and variables that a job needs, until it ends."""
    policy = bootstrap.build_policy()
    return secrets_of(job_id, token, policy=policy, uow=uow, vault=vault, access=access)


handler = lambda_handler(router)

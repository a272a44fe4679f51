"""GET /services/{service_id}/rollback-candidates"""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Caller, Config, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed
from shared.usecases.rollbacks import Candidate, candidates

router = APIRouter(tags=["rollback"])


class CandidateOut(BaseModel):
    deployment_id: UUID
    release_number: int
    sha: str | None
    image: str
    env_version: int
    commit_message: str | None
    released_at: datetime
    kept_warm: bool
    current: bool

    @classmethod
    def of(cls, candidate: Candidate) -> "CandidateOut":
        release, deployment = candidate.release, candidate.deployment
        return cls(
            deployment_id=deployment.id,
            release_number=release.number,
            sha=release.sha,
            image=release.image,
            env_version=release.env_version,
            commit_message=deployment.commit_message,
            released_at=deployment.ended_at or release.created_at,
            kept_warm=candidate.kept_warm,
            current=candidate.current,
        )


@router.get(f"{BASE}/services/{{service_id}}/rollback-candidates")
def list_candidates(
    service_id: UUID, caller: Caller, uow: Store, settings: Config
) -> Listed[CandidateOut]:
    """Releases that have served and can serve again, newest first."""
    found = candidates(caller.organization_id, service_id, limit=settings.keep_releases, uow=uow)
    return Listed(items=[CandidateOut.of(candidate) for candidate in found])


handler = lambda_handler(router)

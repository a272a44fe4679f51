"""GET /projects/{project_id}"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import ProjectOut

router = APIRouter(tags=["projects"])


@router.get(f"{BASE}/projects/{{project_id}}")
def get_project(project_id: UUID, caller: Caller, uow: Store) -> ProjectOut:
    """One project."""
    with uow:
        return ProjectOut.of(uow.projects.get(caller.organization_id, project_id))


handler = lambda_handler(router)

"""GET /projects/{project_id}"""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from shared.http.app import BASE
from shared.http.conditional import NOT_MODIFIED, tagged
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import ProjectOut

router = APIRouter(tags=["projects"])


@router.get(f"{BASE}/projects/{{project_id}}", response_model=ProjectOut, responses=NOT_MODIFIED)
def get_project(project_id: UUID, request: Request, caller: Caller, uow: Store) -> Response:
    """One project."""
    with uow:
        project = uow.projects.get(caller.organization_id, project_id)
    return tagged(request, ProjectOut.of(project), project.version)


handler = lambda_handler(router)

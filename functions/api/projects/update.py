"""PATCH /projects/{project_id}"""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field

from shared.http.app import BASE
from shared.http.conditional import IfMatch, tagged
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import ProjectOut, Strict
from shared.usecases.projects import update_project

router = APIRouter(tags=["projects"])


class ProjectPatch(Strict):
    name: str | None = Field(default=None, min_length=1, max_length=60)
    description: str | None = Field(default=None, max_length=1000)


@router.patch(f"{BASE}/projects/{{project_id}}", response_model=ProjectOut)
def patch_project(
    project_id: UUID,
    body: ProjectPatch,
    request: Request,
    caller: Writer,
    uow: Store,
    expected: IfMatch,
) -> Response:
    """Rename or describe a project; host names stay."""
    project = update_project(
        caller.organization_id,
        project_id,
        name=body.name,
        description=body.description,
        expected=expected,
        uow=uow,
    )
    return tagged(request, ProjectOut.of(project), project.version)


handler = lambda_handler(router)

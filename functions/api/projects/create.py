"""POST /projects"""

from fastapi import APIRouter, Request, Response
from pydantic import Field

from shared.http.app import BASE
from shared.http.conditional import tagged
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import ProjectOut, Strict
from shared.usecases.projects import create_project

router = APIRouter(tags=["projects"])


class ProjectBody(Strict):
    name: str = Field(min_length=1, max_length=60, examples=["shop"])
    description: str = Field(default="", max_length=1000)


@router.post(f"{BASE}/projects", status_code=201, response_model=ProjectOut)
def post_project(body: ProjectBody, request: Request, caller: Writer, uow: Store) -> Response:
    """Create a project: its services share a private network."""
    project = create_project(
        caller.organization_id, name=body.name, description=body.description, uow=uow
    )
    return tagged(request, ProjectOut.of(project), project.version, 201)


handler = lambda_handler(router)

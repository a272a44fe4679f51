"""POST /projects"""

from fastapi import APIRouter
from pydantic import Field

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import ProjectOut, Strict
from shared.usecases.projects import create_project

router = APIRouter(tags=["projects"])


class ProjectBody(Strict):
    name: str = Field(min_length=1, max_length=60, examples=["shop"])
    description: str = Field(default="", max_length=1000)


@router.post(f"{BASE}/projects", status_code=201)
def post_project(body: ProjectBody, caller: Writer, uow: Store) -> ProjectOut:
    """Create a project: its services share a private network."""
    return ProjectOut.of(
        create_project(
            caller.organization_id, name=body.name, description=body.description, uow=uow
        )
    )


handler = lambda_handler(router)

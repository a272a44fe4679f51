"""PATCH /projects/{project_id}"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import ProjectOut, Strict
from shared.usecases.projects import update_project

router = APIRouter(tags=["projects"])


class ProjectPatch(Strict):
    name: str | None = Field(default=None, min_length=1, max_length=60)
    description: str | None = Field(default=None, max_length=1000)


@router.patch(f"{BASE}/projects/{{project_id}}")
def patch_project(project_id: UUID, body: ProjectPatch, caller: Writer, uow: Store) -> ProjectOut:
    """Rename or describe a project; host names stay."""
    return ProjectOut.of(
        update_project(
            caller.organization_id,
            project_id,
            name=body.name,
            description=body.description,
            uow=uow,
        )
    )


handler = lambda_handler(router)

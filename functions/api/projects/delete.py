"""DELETE /projects/{project_id}"""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import Deletion, WillRemove
from shared.usecases.project_deletion import delete_project

router = APIRouter(tags=["projects"])


@router.delete(f"{BASE}/projects/{{project_id}}", status_code=202)
def remove_project(
    project_id: UUID, caller: Writer, uow: Store, response: Response, dry_run: bool = False
) -> Deletion:
    """Delete a project and its services; with `dry_run` only say what would go."""
    project, services = delete_project(caller.organization_id, project_id, dry_run=dry_run, uow=uow)
    response.status_code = 200 if dry_run else 202
    gone = [WillRemove(kind="service", id=s.id, name=s.name) for s in services]
    itself = WillRemove(kind="project", id=project.id, name=project.name)
    return Deletion(id=project.id, will_remove=[*gone, itself])


handler = lambda_handler(router)

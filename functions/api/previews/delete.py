"""DELETE /previews/{preview_id}"""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.previews import will_remove
from shared.http.schemas import Deletion
from shared.usecases.previews import remove

router = APIRouter(tags=["previews"])


@router.delete(f"{BASE}/previews/{{preview_id}}", status_code=202)
def remove_preview(
    preview_id: UUID, caller: Writer, uow: Store, response: Response, dry_run: bool = False
) -> Deletion:
    """Take a preview down, its service too; the request's next commit makes it again."""
    preview = remove(
        caller.organization_id, preview_id, actor=caller.name, dry_run=dry_run, uow=uow
    )
    response.status_code = 200 if dry_run else 202
    with uow:
        return Deletion(id=preview.id, will_remove=will_remove(uow, preview))


handler = lambda_handler(router)

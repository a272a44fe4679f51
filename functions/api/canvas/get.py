"""GET /projects/{project_id}/canvas"""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from shared.http.app import BASE
from shared.http.conditional import NOT_MODIFIED, tagged
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import CanvasOut
from shared.usecases.canvas import read_canvas

router = APIRouter(tags=["projects"])


@router.get(
    f"{BASE}/projects/{{project_id}}/canvas", response_model=CanvasOut, responses=NOT_MODIFIED
)
def get_canvas(project_id: UUID, request: Request, caller: Caller, uow: Store) -> Response:
    """Where the project's services lie on its canvas."""
    canvas = read_canvas(caller.organization_id, project_id, uow=uow)
    return tagged(request, CanvasOut.of(canvas), canvas.version)


handler = lambda_handler(router)

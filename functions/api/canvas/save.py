"""PUT /projects/{project_id}/canvas"""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from shared.http.app import BASE
from shared.http.conditional import IfMatch, tagged
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.schemas import CanvasOut, Strict
from shared.usecases.canvas import save_canvas

router = APIRouter(tags=["projects"])


class CanvasBody(Strict):
    """Nodes, viewport and whatever else the page wants back."""

    document: dict[str, Any]


@router.put(f"{BASE}/projects/{{project_id}}/canvas", response_model=CanvasOut)
def put_canvas(
    project_id: UUID,
    body: CanvasBody,
    request: Request,
    caller: Writer,
    uow: Store,
    expected: IfMatch,
) -> Response:
    """Replace the canvas; with `If-Match` only if nobody else has changed it."""
    organization = caller.organization_id
    canvas = save_canvas(organization, project_id, body.document, expected=expected, uow=uow)
    return tagged(request, CanvasOut.of(canvas), canvas.version)


handler = lambda_handler(router)

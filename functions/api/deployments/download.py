"""GET /deployments/{deployment_id}/logs/download"""

from collections.abc import Iterator
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from shared.http.app import BASE
from shared.http.deps import Caller, Store
from shared.http.entry import lambda_handler

router = APIRouter(tags=["deployments"])
PAGE = 5000


@router.get(f"{BASE}/deployments/{{deployment_id}}/logs/download", response_class=StreamingResponse)
def download_logs(deployment_id: UUID, caller: Caller, uow: Store) -> StreamingResponse:
    """The whole log as text, one line a line."""
    with uow:
        found = uow.deployments.get(caller.organization_id, deployment_id)

    def text() -> Iterator[str]:
        after = 0
        while True:
            with uow:
                lines = uow.logs.read(caller.organization_id, deployment_id, after, PAGE)
            yield "".join(f"{line.at.isoformat()} {line.stream} {line.text}\n" for line in lines)
            if len(lines) < PAGE:
                return
            after = lines[-1].sequence

    name = f"deployment-{found.number}.log"
    return StreamingResponse(
        text(),
        media_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


handler = lambda_handler(router)

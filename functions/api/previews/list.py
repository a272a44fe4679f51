"""GET /services/{service_id}/previews"""

from uuid import UUID

from fastapi import APIRouter

from shared.http.app import BASE
from shared.http.deps import Caller, Config, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.previews import PreviewOut
from shared.http.schemas import Listed, listed

router = APIRouter(tags=["previews"])


@router.get(f"{BASE}/services/{{service_id}}/previews")
def list_previews(
    service_id: UUID,
    caller: Caller,
    uow: Store,
    settings: Config,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Listed[PreviewOut]:
    """The service's previews of pull and merge requests, newest first, closed ones too."""
    with uow:
        uow.services.get(caller.organization_id, service_id)
        page = uow.previews.list(caller.organization_id, service_id, limit, cursor)
        return listed(page, [PreviewOut.of(uow, p, settings) for p in page.items])


handler = lambda_handler(router)

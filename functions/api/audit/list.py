"""GET /audit"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime

from shared.domain.audit import AuditEvent
from shared.http.app import BASE
from shared.http.audit import CSV, LINES, AuditEventOut, exported, wanted_type
from shared.http.deps import Admin, Cursor, Limit, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import Listed, listed
from shared.ports.access import AuditFilter
from shared.ports.pages import Page

router = APIRouter(tags=["audit"])
Text = Annotated[str | None, Query(max_length=255)]
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string"}} for kind in (CSV, LINES)}}
}


@router.get(f"{BASE}/audit", response_model=Listed[AuditEventOut], responses=FILES)
def list_audit(
    caller: Admin,
    uow: Store,
    actor: Text = None,
    action: Text = None,
    resource_kind: Text = None,
    resource_id: Text = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response | Listed[AuditEventOut]:
    """Who did what, newest first; CSV or JSON lines by `Accept`, up to 10 000 rows."""
    wanted = AuditFilter(actor, action, resource_kind, resource_id, since, until)

    def fetch(most: int, after: str | None) -> Page[AuditEvent]:
        with uow:
            return uow.audit.list(caller.organization_id, wanted, most, after)

    kind = wanted_type(accept)
    if kind is not None:
        return StreamingResponse(exported(kind, fetch), media_type=kind)
    page = fetch(limit, cursor)
    return listed(page, [AuditEventOut.model_validate(event) for event in page.items])


handler = lambda_handler(router)

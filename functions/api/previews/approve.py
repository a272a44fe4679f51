"""POST /previews/{preview_id}/approve"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from shared import bootstrap
from shared.http.app import BASE
from shared.http.deps import Config, CurrentAct, Engine, Secrets, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.previews import PreviewOut
from shared.http.schemas import Strict
from shared.usecases.previews import approve

router = APIRouter(tags=["previews"])


class Approval(Strict):
    """`sha` is the commit that was read: another one is not approved with it."""

    sha: str = Field(pattern=r"^[0-9a-fA-F]{40}([0-9a-fA-F]{24})?$", examples=["0" * 40])


@router.post(f"{BASE}/previews/{{preview_id}}/approve", status_code=202)
def approve_preview(
    preview_id: UUID,
    body: Approval,
    caller: Writer,
    uow: Store,
    workflows: Engine,
    vault: Secrets,
    settings: Config,
    act: CurrentAct,
) -> PreviewOut:
    """Let one commit of a fork run; the next one needs an approval of its own."""
    preview = approve(
        caller.organization_id,
        preview_id,
        sha=body.sha,
        actor=caller.name,
        uow=uow,
        workflows=workflows,
        vault=vault,
        domain=settings.domain,
        policy=bootstrap.preview_policy(),
        correlation_id=act.request_id,
    )
    with uow:
        return PreviewOut.of(uow, preview, settings)


handler = lambda_handler(router)

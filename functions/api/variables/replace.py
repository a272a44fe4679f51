"""PUT /services/{service_id}/env"""

from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from shared.http.app import BASE
from shared.http.deps import Secrets, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.variables import VariablesBody, assignments
from shared.usecases.variables import Change, replace_all

router = APIRouter(tags=["env"])


class ChangeOut(BaseModel):
    added: list[str]
    changed: list[str]
    removed: list[str]
    unchanged: int
    version: int


_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": VariablesBody.model_json_schema()},
            "text/plain": {"schema": {"type": "string", "description": "A .env file"}},
        },
    }
}


@router.put(f"{BASE}/services/{{service_id}}/env", openapi_extra=_BODY)
async def put_env(
    service_id: UUID,
    request: Request,
    caller: Writer,
    uow: Store,
    vault: Secrets,
    dry_run: bool = False,
) -> ChangeOut:
    """Replace the whole set, from JSON or `.env` text; with `dry_run` only say what changes."""
    wanted = assignments(await request.body(), request.headers.get("content-type", ""))

    def write() -> Change:
        return replace_all(
            caller.organization_id,
            service_id,
            wanted,
            dry_run=dry_run,
            actor=caller.name,
            uow=uow,
            vault=vault,
        )

    change = await run_in_threadpool(write)
    return ChangeOut.model_validate(change, from_attributes=True)


handler = lambda_handler(router)

"""PUT /services/{service_id}/env"""

from uuid import UUID

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from shared.http.app import BASE
from shared.http.conditional import IfMatch
from shared.http.deps import Secrets, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.variables import ChangeOut, VariablesBody, assignments
from shared.usecases.variables import Change, replace_all

router = APIRouter(tags=["env"])


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
    expected: IfMatch,
    dry_run: bool = False,
    force: bool = False,
) -> ChangeOut:
    """Replace the whole set, from JSON or `.env` text; with `dry_run` only say what changes.

    What is there keeps the flags that are not named. `force` removes even what others refer to.
    The tag for `If-Match` is that of the set.
    """
    wanted = assignments(await request.body(), request.headers.get("content-type", ""))

    def write() -> Change:
        return replace_all(
            caller.organization_id,
            service_id,
            wanted,
            dry_run=dry_run,
            force=force,
            expected=expected,
            actor=caller.name,
            uow=uow,
            vault=vault,
        )

    change = await run_in_threadpool(write)
    return ChangeOut.model_validate(change)


handler = lambda_handler(router)

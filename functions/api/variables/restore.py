"""POST /services/{service_id}/env/versions/{number}/restore"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path

from shared.http.app import BASE
from shared.http.deps import Secrets, Store, Writer
from shared.http.entry import lambda_handler
from shared.http.variables import MAX_NUMBER, ChangeOut
from shared.usecases.variable_history import restore

router = APIRouter(tags=["env"])


@router.post(f"{BASE}/services/{{service_id}}/env/versions/{{number}}/restore")
def restore_env_version(
    service_id: UUID,
    number: Annotated[int, Path(ge=1, le=MAX_NUMBER)],
    caller: Writer,
    uow: Store,
    vault: Secrets,
    dry_run: bool = False,
    force: bool = False,
) -> ChangeOut:
    """Make an earlier version the newest one; with `dry_run` only say what changes."""
    change = restore(
        caller.organization_id,
        service_id,
        number,
        dry_run=dry_run,
        force=force,
        actor=caller.name,
        uow=uow,
        vault=vault,
    )
    return ChangeOut.model_validate(change)


handler = lambda_handler(router)

"""DELETE /git/connections/{connection_id}"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.git import GitAccess
from shared.http.schemas import WillRemove
from shared.usecases.connections import Disconnected, disconnect

router = APIRouter(tags=["git"])


class DisconnectedOut(BaseModel):
    """`will_keep` are services that no push reaches any more; `failures` what the provider could
    not be told."""

    id: UUID
    will_remove: list[WillRemove]
    will_keep: list[WillRemove]
    failures: list[str]

    @classmethod
    def of(cls, gone: Disconnected) -> "DisconnectedOut":
        return cls(
            id=gone.connection.id,
            will_remove=[WillRemove(kind="webhook", id=h.id, name=h.full_name) for h in gone.hooks],
            will_keep=[
                WillRemove(kind="service", id=id_, name=name) for id_, name in gone.services
            ],
            failures=list(gone.failures),
        )


@router.delete(f"{BASE}/git/connections/{{connection_id}}")
def delete_connection(
    connection_id: UUID,
    caller: Writer,
    uow: Store,
    access: GitAccess,
    force: Annotated[bool, Query(description="Also when services use it")] = False,
    dry_run: bool = False,
) -> DisconnectedOut:
    """Remove the webhooks, give the token back and forget the account."""
    gone = disconnect(
        caller.organization_id,
        connection_id,
        force=force,
        dry_run=dry_run,
        uow=uow,
        access=access,
    )
    return DisconnectedOut.of(gone)


handler = lambda_handler(router)

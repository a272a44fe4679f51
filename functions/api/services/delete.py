"""DELETE /services/{service_id}"""

from uuid import UUID

from fastapi import APIRouter, Response

from shared.http.app import BASE
from shared.http.deps import Store, Writer
from shared.http.entry import lambda_handler
from shared.http.previews import will_remove
from shared.http.schemas import Deletion, WillRemove
from shared.usecases.deletion import delete_service

router = APIRouter(tags=["services"])


@router.delete(f"{BASE}/services/{{service_id}}", status_code=202)
def remove_service(
    service_id: UUID,
    caller: Writer,
    uow: Store,
    response: Response,
    dry_run: bool = False,
    force: bool = False,
) -> Deletion:
    """Delete a service, its instances, route and images; with `dry_run` only say what goes.

    Refused while variables of other services refer to it, unless `force`.
    """
    org = caller.organization_id
    with uow:
        previews = uow.previews.open_of(org, service_id)
    service = delete_service(org, service_id, dry_run=dry_run, force=force, uow=uow)
    response.status_code = 200 if dry_run else 202
    with uow:
        made = uow.resources.of_service(caller.organization_id, service_id)
        gone = [each for p in previews for each in will_remove(uow, p)]
    gone += [WillRemove(kind=r.kind, id=r.id, name=r.provider_id or "") for r in made]
    itself = WillRemove(kind="service", id=service.id, name=service.name)
    return Deletion(id=service.id, will_remove=[*gone, itself])


handler = lambda_handler(router)

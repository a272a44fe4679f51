"""GET /deployments/{deployment_id}"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from shared.http.app import BASE
from shared.http.deps import Caller, Config, Store, Wait, Wakeups
from shared.http.entry import lambda_handler
from shared.http.schemas import DeploymentOut
from shared.http.services import deployment_out
from shared.http.waiting import until

router = APIRouter(tags=["deployments"])
Seen = Annotated[str | None, Query(description="The state you know: wait until it is another")]


@router.get(f"{BASE}/deployments/{{deployment_id}}")
async def get_deployment(
    deployment_id: UUID,
    caller: Caller,
    uow: Store,
    settings: Config,
    signals: Wakeups,
    wait: Wait = 0,
    seen: Seen = None,
) -> DeploymentOut:
    """One deployment; with `wait` and `seen` as soon as its state is another."""

    def look() -> DeploymentOut:
        with uow:
            found = uow.deployments.get(caller.organization_id, deployment_id)
            return deployment_out(uow, found, settings)

    return await until(
        look,
        lambda d: d.state != seen,
        signals=signals,
        channel="deployments",
        key=str(deployment_id),
        seconds=wait if seen else 0,
    )


handler = lambda_handler(router)

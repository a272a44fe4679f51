"""GET /deployments/{deployment_id}"""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from shared import bootstrap
from shared.http.app import BASE
from shared.http.conditional import NOT_MODIFIED, tagged
from shared.http.deployments import placed_out
from shared.http.deps import Caller, Glance, Wait, signals_of
from shared.http.entry import lambda_handler
from shared.http.schemas import DeploymentOut
from shared.http.waiting import until

router = APIRouter(tags=["deployments"])
Seen = Annotated[str | None, Query(description="The state you know: wait until it is another")]


@router.get(
    f"{BASE}/deployments/{{deployment_id}}", response_model=DeploymentOut, responses=NOT_MODIFIED
)
async def get_deployment(
    deployment_id: UUID,
    request: Request,
    caller: Caller,
    glances: Glance,
    wait: Wait = 0,
    seen: Seen = None,
) -> Response:
    """One deployment; with `wait` and `seen` as soon as its state is another."""

    placed = await until(
        lambda: glances.deployment(caller.organization_id, deployment_id),
        lambda p: p.deployment.state != seen,
        signals=signals_of(request),
        channel="deployments",
        key=str(deployment_id),
        seconds=wait if seen else 0,
    )
    return tagged(request, placed_out(placed, bootstrap.settings()), placed.deployment.version)


handler = lambda_handler(router)

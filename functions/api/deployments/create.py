"""POST /services/{service_id}/deploy"""

from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, model_validator

from shared.http.app import BASE
from shared.http.deployments import deployment_out
from shared.http.deps import Config, CurrentAct, Deployer, Engine, Secrets, Store
from shared.http.entry import lambda_handler
from shared.http.schemas import DeploymentOut, Strict
from shared.http.sources import GitRef
from shared.usecases.deployments import Wanted, deploy

router = APIRouter(tags=["deployments"])


class DeployBody(Strict):
    """At most one of `ref` with or without `sha`, or `image`."""

    ref: GitRef | None = None
    sha: str | None = Field(default=None, pattern=r"^[0-9a-f]{7,64}$")
    image: str | None = Field(default=None, max_length=500, pattern=r"^[\w][\w./:@-]*$")
    no_cache: bool = False

    @model_validator(mode="after")
    def one_source(self) -> "DeployBody":
        if self.image and (self.ref or self.sha):
            raise ValueError("deploy an image, or a ref or SHA: not both")
        return self


@router.post(f"{BASE}/services/{{service_id}}/deploy", status_code=202)
def post_deploy(
    service_id: UUID,
    caller: Deployer,
    uow: Store,
    workflows: Engine,
    vault: Secrets,
    settings: Config,
    act: CurrentAct,
    body: DeployBody | None = None,
) -> DeploymentOut:
    """Deploy a branch, tag, commit or image; without any, the service's own branch."""
    given = (body or DeployBody()).model_dump()
    deployment = deploy(
        caller.organization_id,
        service_id,
        actor=caller.name,
        wanted=Wanted(**given, correlation_id=act.request_id),
        uow=uow,
        workflows=workflows,
        vault=vault,
    )
    with uow:
        return deployment_out(uow, deployment, settings)


handler = lambda_handler(router)

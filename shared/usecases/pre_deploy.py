"""A one-off run of the new image before it is released, such as a migration."""

from shared.domain.errors import Transient
from shared.domain.ids import new_id, now
from shared.domain.jobs import JobKind
from shared.domain.releases import Instance, InstanceRole
from shared.domain.resources import Resource, ResourceKind, ResourceState
from shared.domain.routes import PublicAddresses
from shared.ports.compute import Compute, InstanceKind, InstanceSpec, InstanceState
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import send
from shared.usecases.attempts import Attempt, begin, check, ledger
from shared.usecases.instances import instance_spec
from shared.usecases.jobs import request
from shared.usecases.releasing import release_of

STEP = "PreDeployCommand"


def pre_deploy_command(
    attempt: Attempt,
    *,
    timeout_seconds: int,
    heartbeat_limit: int,
    uow: UnitOfWork,
    compute: Compute,
    workflows: Workflows,
    vault: Vault,
    addresses: PublicAddresses,
) -> None:
    """Run the release's pre-deploy command in a container of its own; an agent waits for its end.

    A container that has run is not started again, however often this is called. Compensation
    removes it on failure, RetireOld on success.
    """
    with ledger(uow, attempt, STEP):
        with uow:
            begin(uow, attempt, STEP)
            resource, spec = _prepare(uow, attempt, vault, addresses)
        provider_id = compute.create(spec)
        with uow:
            uow.resources.save(resource.created(provider_id))
        if compute.status(provider_id).state is InstanceState.CREATED:
            compute.start(provider_id)
        with uow:
            # A request to stop that came since the step began found no job to tell.
            check(uow, attempt)
            answers = request(
                uow,
                attempt,
                kind=JobKind.PRE_DEPLOY,
                step=STEP,
                spec={"container_id": provider_id, "timeout_seconds": timeout_seconds},
                vault=vault,
                heartbeat_limit=heartbeat_limit,
            )
    send(answers, workflows=workflows, vault=vault)


def _prepare(
    uow: UnitOfWork, attempt: Attempt, vault: Vault, addresses: PublicAddresses
) -> tuple[Resource, InstanceSpec]:
    deployment = uow.deployments.get(attempt.organization_id, attempt.deployment_id)
    service = uow.services.get(attempt.organization_id, attempt.service_id)
    release = release_of(uow, deployment)
    if release.run.pre_deploy_command is None:
        raise Transient("the release has no pre-deploy command recorded yet")
    resource = _planned(uow, attempt)
    one_off = Instance(
        id=resource.id,
        organization_id=service.organization_id,
        project_id=service.project_id,
        service_id=service.id,
        deployment_id=deployment.id,
        release_id=release.id,
        slot=0,
        address="127.0.0.1",
        host_port=0,
        role=InstanceRole.NEXT,
        created_at=now(),
    )
    kind, command = InstanceKind.ONE_OFF, release.run.pre_deploy_command
    return resource, instance_spec(
        uow, service, release, one_off, vault, addresses, kind=kind, command=command
    )


def _planned(uow: UnitOfWork, attempt: Attempt) -> Resource:
    for resource in uow.resources.of_deployment(attempt.organization_id, attempt.deployment_id):
        if resource.kind is ResourceKind.ONE_OFF:
            return resource
    return uow.resources.plan(
        Resource(
            id=new_id(),
            organization_id=attempt.organization_id,
            kind=ResourceKind.ONE_OFF,
            state=ResourceState.PLANNED,
            created_at=now(),
            updated_at=now(),
            service_id=attempt.service_id,
            deployment_id=attempt.deployment_id,
        )
    )

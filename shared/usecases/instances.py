"""Instances: made in a free slot of their service, started, or taken over warm."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.deployments import Deployment, Trigger
from shared.domain.detection.dockerfile import foreground
from shared.domain.errors import InstanceFailed, Invalid, Transient
from shared.domain.ids import new_id, now
from shared.domain.projects import Project
from shared.domain.releases import Instance, InstanceRole, Release
from shared.domain.resources import Resource, ResourceKind, ResourceState
from shared.domain.routes import PublicAddresses
from shared.domain.services import SLOTS, Service, SlotRange
from shared.domain.variables import Availability
from shared.ports.compute import Compute, InstanceKind, InstanceSpec
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.attempts import Attempt, begin, end, ledger
from shared.usecases.releasing import release_of
from shared.usecases.retirement import retire
from shared.usecases.variable_resolution import Environment, resolve

CREATE_INSTANCE = "CreateInstance"
START_APP = "StartApp"


def create_instance(
    attempt: Attempt,
    *,
    slots: SlotRange,
    uow: UnitOfWork,
    compute: Compute,
    vault: Vault,
    addresses: PublicAddresses,
) -> UUID:
    """Make the release's instance in a free slot; a rollback takes the one kept warm instead."""
    with ledger(uow, attempt, CREATE_INSTANCE):
        with uow:
            begin(uow, attempt, CREATE_INSTANCE)
            in_the_way = _blocking(uow, attempt)
            prepared = None if in_the_way else _prepare(uow, attempt, slots, vault, addresses)
        if in_the_way:
            retire(in_the_way, uow=uow, compute=compute)
        if prepared is None:
            with uow:
                prepared = _prepare(uow, attempt, slots, vault, addresses)
        instance, spec = prepared
        provider_id = instance.provider_id or compute.create(spec)
        with uow:
            _record_created(uow, instance, provider_id)
            end(uow, attempt, CREATE_INSTANCE)
    return instance.id


def _prepare(
    uow: UnitOfWork,
    attempt: Attempt,
    slots: SlotRange,
    vault: Vault,
    addresses: PublicAddresses,
) -> tuple[Instance, InstanceSpec]:
    deployment = uow.deployments.get(attempt.organization_id, attempt.deployment_id)
    service = uow.services.lock(attempt.organization_id, attempt.service_id)
    release = release_of(uow, deployment)
    instance = _next_or_warm(uow, deployment)
    if instance is None:
        instance = _place(uow, service, deployment, release, slots)
    return instance, instance_spec(uow, service, release, instance, vault, addresses)


def next_instance(uow: UnitOfWork, attempt: Attempt) -> Instance:
    """The instance being released. Raises Transient when there is none (yet)."""
    for instance in uow.instances.of_service(attempt.organization_id, attempt.service_id):
        if instance.role is InstanceRole.NEXT:
            return instance
    raise Transient("no instance is being released")


def _next_or_warm(uow: UnitOfWork, deployment: Deployment) -> Instance | None:
    instances = uow.instances.of_service(deployment.organization_id, deployment.service_id)
    for instance in instances:
        if instance.role is InstanceRole.NEXT:
            return instance
    if deployment.trigger is not Trigger.ROLLBACK:
        return None
    for instance in instances:
        warm = instance.role is InstanceRole.PREVIOUS and instance.provider_id
        if warm and instance.deployment_id == deployment.rollback_of:
            adopted = replace(instance, role=InstanceRole.NEXT)
            uow.instances.save(adopted)
            return adopted
    return None


def _free_slots(uow: UnitOfWork, service: Service) -> list[int]:
    taken = {i.slot for i in uow.instances.of_service(service.organization_id, service.id)}
    return [slot for slot in range(SLOTS) if slot not in taken]


def _blocking(uow: UnitOfWork, attempt: Attempt) -> Instance | None:
    """The stalest instance, when every slot is taken and none is this release's already."""
    instances = uow.instances.of_service(attempt.organization_id, attempt.service_id)
    if len({i.slot for i in instances}) < SLOTS:
        return None
    if any(i.role is InstanceRole.NEXT for i in instances):
        return None
    idle = [i for i in instances if i.role in {InstanceRole.STALE, InstanceRole.PREVIOUS}]
    stale = [i for i in idle if i.role is InstanceRole.STALE] or idle
    return min(stale, key=_off_route_since) if stale else None


def _off_route_since(instance: Instance) -> datetime:
    return instance.unrouted_at or instance.created_at


def _place(
    uow: UnitOfWork,
    service: Service,
    deployment: Deployment,
    release: Release,
    slots: SlotRange,
) -> Instance:
    free = _free_slots(uow, service)
    if not free:
        raise Transient("every slot of the service is still in use")
    instance = Instance(
        id=new_id(),
        organization_id=service.organization_id,
        project_id=service.project_id,
        service_id=service.id,
        deployment_id=deployment.id,
        release_id=release.id,
        slot=free[0],
        address=slots.address(service.ordinal, free[0]),
        host_port=slots.port,
        role=InstanceRole.NEXT,
        created_at=now(),
    )
    uow.instances.add(instance)
    uow.resources.plan(
        Resource(
            id=instance.id,
            organization_id=service.organization_id,
            kind=ResourceKind.INSTANCE,
            state=ResourceState.PLANNED,
            created_at=now(),
            updated_at=now(),
            project_id=service.project_id,
            service_id=service.id,
            deployment_id=deployment.id,
        )
    )
    return instance


def instance_spec(
    uow: UnitOfWork,
    service: Service,
    release: Release,
    instance: Instance,
    vault: Vault,
    addresses: PublicAddresses,
    *,
    kind: InstanceKind = InstanceKind.SERVICE,
    command: str | None = None,
) -> InstanceSpec:
    """Everything an instance of `release` starts with; its variables are opened only here.

    Raises InstanceFailed when one of them refers to what is gone.
    """
    project = uow.projects.get(service.organization_id, service.project_id)
    variables = _environment(uow, service, release, vault, addresses)
    line = command or release.run.start_command
    return InstanceSpec(
        instance_id=instance.id,
        organization_id=service.organization_id,
        project_id=service.project_id,
        service_id=service.id,
        deployment_id=instance.deployment_id,
        release_number=release.number,
        image=release.image,
        command=foreground(line) if line else None,
        env={**_about(service, project, release), **variables.values},
        address=instance.address,
        host_port=instance.host_port,
        app_port=release.run.port,
        cpus=release.run.limits.cpus,
        memory_mb=release.run.limits.memory_mb,
        pids=release.run.limits.pids,
        kind=kind,
        secret_names=tuple(sorted(variables.secret)),
        label=service.slug,
    )


def _environment(
    uow: UnitOfWork, service: Service, release: Release, vault: Vault, addresses: PublicAddresses
) -> Environment:
    try:
        return resolve(
            uow,
            service,
            release.env_version,
            Availability.RUN,
            vault=vault,
            addresses=addresses,
            port=release.run.port,
        )
    except Invalid as error:
        raise InstanceFailed(f"its variables cannot be read: {error.reason}") from error


def _about(service: Service, project: Project, release: Release) -> dict[str, str]:
    return {
        "PORT": str(release.run.port),
        "C2D_SERVICE": service.slug,
        "C2D_PROJECT": project.slug,
        "C2D_RELEASE": str(release.number),
        "C2D_COMMIT": release.sha or "",
    }


def _record_created(uow: UnitOfWork, instance: Instance, provider_id: str) -> None:
    uow.instances.save(replace(instance, provider_id=provider_id))
    resource = uow.resources.get(instance.organization_id, instance.id)
    if resource.state is ResourceState.PLANNED:
        uow.resources.save(resource.created(provider_id))


def start_app(attempt: Attempt, *, uow: UnitOfWork, compute: Compute) -> None:
    """Start the instance; one kept warm runs already."""
    with ledger(uow, attempt, START_APP):
        with uow:
            begin(uow, attempt, START_APP)
            instance = next_instance(uow, attempt)
        if instance.provider_id is None:
            raise Transient("the instance is not recorded yet")
        compute.start(instance.provider_id)
        with uow:
            end(uow, attempt, START_APP)

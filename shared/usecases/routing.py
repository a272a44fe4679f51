"""Health gate, switch, proof through the public route, and the way back."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import NotFound
from shared.domain.ids import now
from shared.domain.jobs import JobKind
from shared.domain.releases import Instance, InstanceRole, ReleaseState
from shared.domain.routes import Route
from shared.domain.services import Service, ServiceState, host_name
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.ports.workflows import Workflows
from shared.usecases.answers import Answer, send, token_context
from shared.usecases.attempts import Attempt, begin, end, ledger
from shared.usecases.instances import next_instance
from shared.usecases.jobs import request
from shared.usecases.leasing import release as release_lease
from shared.usecases.releasing import release_of

HEALTH_GATE = "HealthGate"
SWITCH_ROUTE = "SwitchRoute"
VERIFY_PUBLIC = "VerifyPublic"
MARK_LIVE = "MarkLive"
RESTORE_ROUTE = "RestoreRoute"
VERIFY_SECONDS = 5


def hosts(uow: UnitOfWork, service: Service, domain: str) -> tuple[str, ...]:
    """The public names of a service."""
    project = uow.projects.get(service.organization_id, service.project_id)
    return (host_name(service.slug, project.slug, domain),)


def health_gate(
    attempt: Attempt,
    *,
    domain: str,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    heartbeat_limit: int,
) -> None:
    """Ask the edge to probe the new instance until it is healthy or its time is over."""
    with ledger(uow, attempt, HEALTH_GATE), uow:
        deployment = begin(uow, attempt, HEALTH_GATE)
        service = uow.services.get(attempt.organization_id, attempt.service_id)
        instance = next_instance(uow, attempt)
        run = release_of(uow, deployment).run
        spec: dict[str, Any] = {
            "instance_id": str(instance.id),
            "container_id": instance.provider_id,
            "target": instance.target,
            "host": hosts(uow, service, domain)[0],
            "path": run.health.path,
            "port": run.port,
            "timeout_seconds": run.health.timeout_seconds,
            "memory_mb": run.limits.memory_mb,
        }
        answers = request(
            uow,
            attempt,
            kind=JobKind.HEALTH_GATE,
            step=HEALTH_GATE,
            spec=spec,
            vault=vault,
            heartbeat_limit=heartbeat_limit,
        )
    send(answers, workflows=workflows, vault=vault)


def switch_route(
    attempt: Attempt,
    *,
    domain: str,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    heartbeat_limit: int,
) -> None:
    """Point the service's public names at the new instance, under a new generation."""
    with ledger(uow, attempt, SWITCH_ROUTE), uow:
        begin(uow, attempt, SWITCH_ROUTE)
        service = uow.services.lock(attempt.organization_id, attempt.service_id)
        route = point(uow, service, next_instance(uow, attempt).target, domain)
        answers = request(
            uow,
            attempt,
            kind=JobKind.SWITCH_ROUTE,
            step=SWITCH_ROUTE,
            spec=_switch_spec(route),
            vault=vault,
            heartbeat_limit=heartbeat_limit,
        )
    send(answers, workflows=workflows, vault=vault)


def point(uow: UnitOfWork, service: Service, target: str | None, domain: str) -> Route:
    """Record where the route leads from now on; the edge applies it. Again changes nothing."""
    route = find_route(uow, service)
    if route and route.target == target:
        return route
    generation = uow.routes.next_generation(service.organization_id, service.id)
    names = hosts(uow, service, domain)
    if route is None:
        route = Route(
            organization_id=service.organization_id,
            service_id=service.id,
            hosts=names,
            target=None,
            generation=generation,
            updated_at=now(),
        )
    route = replace(route.switched(target, generation), hosts=names)
    uow.routes.save(route)
    return route


def find_route(uow: UnitOfWork, service: Service) -> Route | None:
    try:
        return uow.routes.get(service.organization_id, service.id)
    except NotFound:
        return None


def _switch_spec(route: Route) -> dict[str, Any]:
    return {
        "hosts": list(route.hosts),
        "target": route.target,
        "generation": route.generation,
    }


def verify_public(
    attempt: Attempt,
    *,
    domain: str,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    heartbeat_limit: int,
) -> None:
    """Ask the edge for an answer of the new instance through the public route."""
    with ledger(uow, attempt, VERIFY_PUBLIC), uow:
        deployment = begin(uow, attempt, VERIFY_PUBLIC)
        service = uow.services.get(attempt.organization_id, attempt.service_id)
        route = uow.routes.get(attempt.organization_id, attempt.service_id)
        run = release_of(uow, deployment).run
        answers = request(
            uow,
            attempt,
            kind=JobKind.VERIFY_PUBLIC,
            step=VERIFY_PUBLIC,
            spec={
                "host": hosts(uow, service, domain)[0],
                "path": run.health.path or "/",
                "target": route.target,
                "previous": route.previous_target,
                "generation": route.generation,
                "timeout_seconds": VERIFY_SECONDS,
            },
            vault=vault,
            heartbeat_limit=heartbeat_limit,
        )
    send(answers, workflows=workflows, vault=vault)


def mark_live(
    attempt: Attempt, *, uow: UnitOfWork, workflows: Workflows, vault: Vault
) -> Deployment | None:
    """The new version serves: record it, retire the roles of the others, pass the lease on.

    Answers the deployment when this ended it, None when it had ended before.
    """
    ended: Deployment | None = None
    with ledger(uow, attempt, MARK_LIVE), uow:
        service = uow.services.lock(attempt.organization_id, attempt.service_id)
        deployment = uow.deployments.lock(attempt.organization_id, attempt.deployment_id)
        if deployment.state is DeploymentState.LIVE:
            answers: list[Answer] = []
        else:
            deployment = begin(uow, attempt, MARK_LIVE)
            release = release_of(uow, deployment)
            _change_roles(uow, attempt, release.id)
            if service.live_release_id and service.live_release_id != release.id:
                old = uow.releases.get(service.organization_id, service.live_release_id)
                uow.releases.save(old.to(ReleaseState.RETIRED))
            uow.releases.save(release.to(ReleaseState.LIVE))
            if service.state is not ServiceState.DELETING:
                service = service.to(ServiceState.LIVE)
            service = replace(service, live_release_id=release.id, updated_at=now())
            uow.services.save(service)
            ended = uow.deployments.save(deployment.to(DeploymentState.LIVE))
            end(uow, attempt, MARK_LIVE)
            answers = release_lease(uow, service, deployment.id)
            uow.notify("deployments", str(deployment.id))
    send(answers, workflows=workflows, vault=vault)
    return ended


def _change_roles(uow: UnitOfWork, attempt: Attempt, release_id: Any) -> None:
    instances = uow.instances.of_service(attempt.organization_id, attempt.service_id)
    at = now()
    for instance in instances:
        uow.instances.save(_next_role(instance, attempt, release_id, at))


def _next_role(instance: Instance, attempt: Attempt, release_id: Any, at: datetime) -> Instance:
    if instance.role is InstanceRole.NEXT:
        return replace(
            instance,
            role=InstanceRole.SERVING,
            release_id=release_id,
            deployment_id=attempt.deployment_id,
            unrouted_at=None,
            healthy=True,
            health_reason=None,
        )
    if instance.role is InstanceRole.SERVING:
        return replace(instance, role=InstanceRole.PREVIOUS, unrouted_at=at, restart_at=None)
    return replace(instance, role=InstanceRole.STALE, unrouted_at=instance.unrouted_at or at)


def restore_route(
    attempt: Attempt,
    *,
    domain: str,
    uow: UnitOfWork,
    workflows: Workflows,
    vault: Vault,
    heartbeat_limit: int,
) -> None:
    """If the route leads to the failing version, lead it back; else the state goes on at once."""
    assert attempt.task_token is not None  # noqa: S101 - the state always carries one
    answers: list[Answer] = []
    with uow:
        service = uow.services.lock(attempt.organization_id, attempt.service_id)
        route = find_route(uow, service)
        serving = _serving(uow, attempt)
        wanted = serving.target if serving else None
        deployment = uow.deployments.get(attempt.organization_id, attempt.deployment_id)
        if route is None or route.target == wanted or _took_over(uow, attempt, deployment):
            sealed = vault.seal(attempt.task_token, token_context(attempt.deployment_id))
            answers = [Answer(sealed, attempt.deployment_id, output={})]
        else:
            route = point(uow, service, wanted, domain)
            answers = request(
                uow,
                attempt,
                kind=JobKind.SWITCH_ROUTE if wanted else JobKind.REMOVE_ROUTE,
                step=RESTORE_ROUTE,
                spec=_switch_spec(route),
                vault=vault,
                heartbeat_limit=heartbeat_limit,
            )
    send(answers, workflows=workflows, vault=vault)


def _serving(uow: UnitOfWork, attempt: Attempt) -> Instance | None:
    instances = uow.instances.of_service(attempt.organization_id, attempt.service_id)
    return next((i for i in instances if i.role is InstanceRole.SERVING), None)


def _took_over(uow: UnitOfWork, attempt: Attempt, deployment: Deployment) -> bool:
    """Whether another deployment holds the service now, whose route this is."""
    lease = uow.leases.lock(attempt.organization_id, attempt.service_id)
    return lease.holder is not None and lease.holder != deployment.id

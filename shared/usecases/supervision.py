"""Keeping what serves alive: observations of the edge, restarts with backoff, crashed or live."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from shared.domain.errors import NotFound, PlatformError
from shared.domain.ids import now
from shared.domain.releases import Instance, InstanceRole
from shared.domain.routes import PublicAddresses
from shared.domain.services import ServiceState
from shared.ports.compute import Compute, InstanceState
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.instances import instance_spec
from shared.usecases.retirement import GRACE_SECONDS
from shared.usecases.routing import hosts

CRASHED_AFTER: Final = 3
"""Restarts in a row without becoming healthy before the service is called crashed."""
MAX_BACKOFF_SECONDS: Final = 60


def backoff_seconds(restarts: int) -> int:
    """0, 1, 2, 4 … seconds before the next restart, at most a minute."""
    return 0 if restarts == 0 else int(min(2 ** (restarts - 1), MAX_BACKOFF_SECONDS))


def watch_list(*, domain: str, uow: UnitOfWork) -> list[dict[str, Any]]:
    """What an edge is to probe: every instance that serves."""
    with uow:
        return [
            _watched(uow, instance, domain)
            for instance in uow.instances.present_everywhere()
            if instance.role is InstanceRole.SERVING and instance.provider_id
        ]


def _watched(uow: UnitOfWork, instance: Instance, domain: str) -> dict[str, Any]:
    service = uow.services.get(instance.organization_id, instance.service_id)
    release = uow.releases.get(instance.organization_id, instance.release_id)
    return {
        "instance_id": str(instance.id),
        "container_id": instance.provider_id,
        "target": instance.target,
        "host": hosts(uow, service, domain)[0],
        "path": release.run.health.path,
        "port": release.run.port,
        "memory_mb": release.run.limits.memory_mb,
    }


def observe(observations: Sequence[Mapping[str, Any]], *, uow: UnitOfWork) -> None:
    """Take what an edge saw: plan a restart of what is down, note what is well again."""
    if not observations:
        return
    with uow:
        present = {str(i.id): i for i in uow.instances.present_everywhere()}
        for observation in observations:
            instance = present.get(str(observation.get("instance_id")))
            if instance and instance.role is InstanceRole.SERVING:
                _note(uow, instance, observation)


def _note(uow: UnitOfWork, instance: Instance, observation: Mapping[str, Any]) -> None:
    if observation.get("state") == "healthy":
        uow.instances.save(
            replace(instance, healthy=True, health_reason=None, restarts=0, restart_at=None)
        )
        _service_is(uow, instance, ServiceState.LIVE, None)
        return
    reason = str(observation.get("reason") or "it does not answer")[:500]
    due = now() + timedelta(seconds=backoff_seconds(instance.restarts))
    if observation.get("state") != "exited" and instance.restart_at:
        due = instance.restart_at
    uow.instances.save(replace(instance, healthy=False, health_reason=reason, restart_at=due))
    if instance.restarts >= CRASHED_AFTER:
        _service_is(uow, instance, ServiceState.CRASHED, reason)


def _service_is(
    uow: UnitOfWork, instance: Instance, state: ServiceState, reason: str | None
) -> None:
    service = uow.services.lock(instance.organization_id, instance.service_id)
    if service.state in {ServiceState.LIVE, ServiceState.CRASHED} and service.state is not state:
        uow.services.save(service.to(state, reason))


def restart_due(
    *, uow: UnitOfWork, compute: Compute, vault: Vault, addresses: PublicAddresses
) -> int:
    """Restart every serving instance whose time has come; how many were tried.

    A restarted instance has its health timeout to become healthy before it is due again; when it
    exits earlier the edge says so and brings that forward.
    """
    at = now()
    with uow:
        due = [
            i
            for i in uow.instances.present_everywhere()
            if i.role is InstanceRole.SERVING and i.restart_at and i.restart_at <= at
        ]
    for instance in due:
        _restart(instance, uow=uow, compute=compute, vault=vault, addresses=addresses)
    return len(due)


def _restart(
    instance: Instance,
    *,
    uow: UnitOfWork,
    compute: Compute,
    vault: Vault,
    addresses: PublicAddresses,
) -> None:
    with uow:
        present = uow.instances.get(instance.organization_id, instance.id)
        if present.role is not InstanceRole.SERVING:
            return
        restarts = present.restarts + 1
        release = uow.releases.get(instance.organization_id, instance.release_id)
        patience = max(release.run.health.timeout_seconds, backoff_seconds(restarts))
        again = now() + timedelta(seconds=patience)
        present = replace(present, restarts=restarts, restart_at=again)
        uow.instances.save(present)
        if restarts >= CRASHED_AFTER:
            _service_is(uow, present, ServiceState.CRASHED, present.health_reason)
    provider_id, failure = present.provider_id, None
    try:
        provider_id = revive(present, uow=uow, compute=compute, vault=vault, addresses=addresses)
    except PlatformError as error:
        failure = error.reason
    with uow:
        latest = uow.instances.get(instance.organization_id, instance.id)
        uow.instances.save(
            replace(latest, provider_id=provider_id, health_reason=failure or latest.health_reason)
        )


def revive(
    instance: Instance,
    *,
    uow: UnitOfWork,
    compute: Compute,
    vault: Vault,
    addresses: PublicAddresses,
) -> str:
    """Bring one instance back up: started if stopped, restarted if hung, made anew if missing."""
    assert instance.provider_id is not None  # noqa: S101 - what serves was created
    status = compute.status(instance.provider_id)
    if status.state is InstanceState.RUNNING:
        compute.stop(instance.provider_id, GRACE_SECONDS)
    if status.state is not InstanceState.MISSING:
        compute.start(instance.provider_id)
        return instance.provider_id
    with uow:
        service = uow.services.get(instance.organization_id, instance.service_id)
        release = uow.releases.get(instance.organization_id, instance.release_id)
        spec = instance_spec(uow, service, release, instance, vault, addresses)
    provider_id = compute.create(spec)
    compute.start(provider_id)
    return provider_id


def start_stopped(*, uow: UnitOfWork, compute: Compute) -> int:
    """Plan the start of what should serve and is not running, as after a reboot; how many."""
    with uow:
        serving = [
            i
            for i in uow.instances.present_everywhere()
            if i.role is InstanceRole.SERVING and i.provider_id and i.restart_at is None
        ]
    down = [i for i in serving if i.provider_id and not _runs(i.provider_id, compute)]
    with uow:
        for instance in down:
            present = uow.instances.get(instance.organization_id, instance.id)
            if present.role is InstanceRole.SERVING and present.restart_at is None:
                uow.instances.save(
                    replace(
                        present,
                        healthy=False,
                        health_reason=present.health_reason or "it was found stopped",
                        restart_at=now(),
                    )
                )
    return len(down)


def _runs(provider_id: str, compute: Compute) -> bool:
    return compute.status(provider_id).state is InstanceState.RUNNING


def restart(organization_id: Any, service_id: Any, *, uow: UnitOfWork) -> None:
    """Restart a service's serving instance at once. Raises NotFound when none serves."""
    with uow:
        service = uow.services.lock(organization_id, service_id)
        for instance in uow.instances.of_service(organization_id, service_id):
            if instance.role is InstanceRole.SERVING:
                uow.audit.about("service", service.id, service.name)
                uow.instances.save(replace(instance, restart_at=now(), restarts=0))
                return
    raise NotFound("nothing serves for this service yet: deploy it first")

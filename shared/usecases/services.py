"""What people can do with services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.domain.audit import changed_fields
from shared.domain.errors import Invalid, NotFound
from shared.domain.ids import new_id, now, slug
from shared.domain.inputs import checked_path, checked_repository
from shared.domain.masking import Masker
from shared.domain.names import checked_name
from shared.domain.releases import Instance, InstanceRole, Release
from shared.domain.routes import PublicAddresses, Route
from shared.domain.services import OverlapPolicy, Service, ServiceState, Source, host_name
from shared.domain.versions import Expected, refuse_changed
from shared.ports.compute import Compute, OutputLine
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.connections import Access
from shared.usecases.projects import refuse_deleting
from shared.usecases.sources import choose, link
from shared.usecases.variable_resolution import to_mask

_EDITABLE: Final = frozenset(
    {"name", "source", "build", "run", "health", "limits", "overlap", "autodeploy",
     "deletion_protection"}
)  # fmt: skip

_GROUPS: Final = frozenset({"source", "build", "run", "health", "limits"})


@dataclass(frozen=True, slots=True)
class Running:
    """What serves for a service now."""

    release: Release
    instance: Instance


def create_service(
    organization_id: UUID,
    project_id: UUID,
    *,
    name: str,
    settings: Mapping[str, Any],
    domain: str,
    uow: UnitOfWork,
    access: Access | None = None,
) -> Service:
    """A new service in a project, its host name reserved.

    Raises Conflict when the project has one of that name or the host name belongs to another.
    `access` opens the connection that its source may name.
    """
    service = Service(
        id=new_id(),
        organization_id=organization_id,
        project_id=project_id,
        name=checked_name(name),
        slug=slug(name),
        ordinal=0,
        state=ServiceState.NEW,
        created_at=now(),
        updated_at=now(),
    )
    choice = choose(organization_id, settings, None, access=access)
    service = _with(service, choice.settings)
    with uow:
        project = uow.projects.get(organization_id, project_id)
        refuse_deleting(project)
        service = uow.services.add(service)
        link(uow, service, choice, access)
        uow.audit.about("service", service.id, service.name, project=project.name)
        uow.routes.save(_first_route(service, host_name(service.slug, project.slug, domain)))
    return service


def _first_route(service: Service, host: str) -> Route:
    return Route(
        organization_id=service.organization_id,
        service_id=service.id,
        hosts=(host,),
        target=None,
        generation=1,
        updated_at=now(),
    )


def update_service(
    organization_id: UUID,
    service_id: UUID,
    *,
    settings: Mapping[str, Any],
    uow: UnitOfWork,
    expected: Expected = None,
    access: Access | None = None,
) -> Service:
    """Change settings; they take effect with the next deployment. The host name stays.

    Raises PreconditionFailed when the service is not one of the `expected` versions.
    """
    with uow:
        uow.services.get(organization_id, service_id)
        present = uow.sources.find(organization_id, service_id)
    choice = choose(organization_id, settings, present, access=access)
    with uow:
        service = uow.services.lock(organization_id, service_id)
        refuse_changed(expected, service.version, "service")
        changed = replace(_with(service, choice.settings), updated_at=now())
        link(uow, service, choice, access)
        changes = changed_fields(service, changed)
        uow.audit.about("service", service.id, changed.name, changed=changes)
        return uow.services.save(changed)


def _with(service: Service, settings: Mapping[str, Any]) -> Service:
    unknown = settings.keys() - _EDITABLE
    if unknown:
        raise Invalid(f"{', '.join(sorted(unknown))} cannot be set on a service")
    given = {name: value for name, value in settings.items() if name not in _GROUPS}
    if given.get("name") is not None:
        given["name"] = checked_name(given["name"])
    if given.get("overlap") is not None:
        given["overlap"] = OverlapPolicy(given["overlap"])
    for name in _GROUPS & settings.keys():
        given[name] = _merged(service, name, settings[name])
    return replace(service, **{k: v for k, v in given.items() if k == "source" or v is not None})


def _merged(service: Service, name: str, fields: Mapping[str, Any] | None) -> Any:
    """A group of settings with only the named fields changed; None takes the source away."""
    if fields is None:
        return None
    present = getattr(service, name)
    if fields.get("dockerfile_path"):
        checked_path(fields["dockerfile_path"], "build.dockerfile_path")
    if name != "source":
        return replace(present, **fields)
    if present is None and not fields.get("repository_url"):
        raise Invalid("source.repository_url is missing")
    source = replace(present, **fields) if present else Source(**fields)
    checked_repository(source.repository_url)
    checked_path(source.root_directory, "source.root_directory")
    for pattern in source.watch_paths:
        checked_path(pattern.removeprefix("!").removeprefix("/"), "source.watch_paths")
    return source


def running(uow: UnitOfWork, service: Service) -> Running | None:
    """What serves, inside the caller's transaction."""
    for instance in uow.instances.of_service(service.organization_id, service.id):
        if instance.role is InstanceRole.SERVING:
            release = uow.releases.get(service.organization_id, instance.release_id)
            return Running(release, instance)
    return None


def runtime_logs(
    organization_id: UUID,
    service_id: UUID,
    *,
    tail: int,
    since: datetime | None,
    uow: UnitOfWork,
    compute: Compute,
    vault: Vault,
    addresses: PublicAddresses,
) -> Sequence[OutputLine]:
    """The newest lines of what serves, its secret values masked. Raises NotFound if nothing."""
    with uow:
        service = uow.services.get(organization_id, service_id)
        serving = running(uow, service)
        if serving is None or serving.instance.provider_id is None:
            raise NotFound("nothing serves for this service yet: deploy it first")
        version = serving.release.env_version
        secrets = to_mask(uow, service, version, vault=vault, addresses=addresses)
    masker = Masker(secrets)
    lines = compute.logs(serving.instance.provider_id, tail, since)
    return [replace(line, text=masker.mask(line.text)) for line in lines]

"""The service that runs a preview: its parent's settings and variables, its request's commit."""

from dataclasses import replace

from shared.domain.deployments import Deployment, Trigger
from shared.domain.errors import NotFound
from shared.domain.git import GitSource
from shared.domain.ids import new_id, now
from shared.domain.names import MAX_NAME
from shared.domain.previews import Preview, head_ref, preview_slug
from shared.domain.routes import Route
from shared.domain.services import Service, ServiceState, host_name
from shared.domain.variables import Variable
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.answers import Answer
from shared.usecases.deployments import Wanted, accept, requested
from shared.usecases.projects import every_service
from shared.usecases.variable_sets import Assignment, merged, opened, present_set, write


def run(
    uow: UnitOfWork,
    parent: Service,
    preview: Preview,
    *,
    actor: str,
    vault: Vault,
    domain: str,
    copy_sealed: bool,
    correlation_id: str | None,
) -> tuple[Preview, Deployment, list[Answer]]:
    """Accept a deployment of the preview's commit, on a service that is made where none is.

    Inside the caller's transaction, which holds the parent. Raises Conflict when the host name
    belongs to somebody else.
    """
    source = uow.sources.find(parent.organization_id, parent.id)
    if source is None:
        raise NotFound(f"the service {parent.name} is no longer built from a connected repository")
    connection = uow.connections.get(parent.organization_id, source.connection_id)
    ref = head_ref(connection.provider, preview.number)
    running = _present(uow, preview)
    if running is None:
        running = _made(uow, parent, preview, ref, source, domain)
        running = _with_variables(uow, parent, running, vault, copy_sealed=copy_sealed)
    wanted = Wanted(
        ref=ref, sha=preview.sha, trigger=Trigger.PREVIEW, correlation_id=correlation_id
    )
    deployment = requested(running, wanted, actor)
    answers = accept(uow, running, deployment)
    return replace(preview, preview_service_id=running.id), deployment, answers


def _present(uow: UnitOfWork, preview: Preview) -> Service | None:
    if preview.preview_service_id is None:
        return None
    try:
        service = uow.services.lock(preview.organization_id, preview.preview_service_id)
    except NotFound:
        return None
    return None if service.state is ServiceState.DELETING else service


def _made(
    uow: UnitOfWork, parent: Service, preview: Preview, ref: str, source: GitSource, domain: str
) -> Service:
    project = uow.projects.get(parent.organization_id, parent.project_id)
    taken = {s.slug for s in every_service(uow, project.organization_id, project.id)}
    at, number = now(), f" #{preview.number}"
    service = uow.services.add(
        replace(
            parent,
            id=new_id(),
            name=parent.name[: MAX_NAME - len(number)] + number,
            slug=preview_slug(parent.slug, preview.number, taken),
            ordinal=0,
            state=ServiceState.NEW,
            created_at=at,
            updated_at=at,
            source=parent.source
            and replace(parent.source, branch=ref, tag_pattern=None, previews=False),
            autodeploy=False,
            deletion_protection=False,
            env_version=0,
            next_number=1,
            state_reason=None,
            live_release_id=None,
            preview_of=parent.id,
            version=1,
        )
    )
    host = host_name(service.slug, project.slug, domain)
    uow.routes.save(Route(service.organization_id, service.id, (host,), None, 1, at))
    uow.sources.put(replace(source, service_id=service.id, created_at=at, lost_reason=None))
    return service


def _with_variables(
    uow: UnitOfWork, parent: Service, service: Service, vault: Vault, *, copy_sealed: bool
) -> Service:
    """With the parent's present variables, in the names of their authors."""
    copied = _copied(present_set(uow, parent), copy_sealed=copy_sealed)
    made = [
        merged(_again(variable, vault), None, service, variable.author, vault)
        for variable in copied.values()
    ]
    return write(uow, service, made, (), "preview") if made else service


def _copied(present: dict[str, Variable], *, copy_sealed: bool) -> dict[str, Variable]:
    """Without sealed ones, and without those that refer to what is left out."""
    kept = {key: v for key, v in present.items() if copy_sealed or not v.write_only}
    while True:
        own = {key: {name for name in v.refers_to if "." not in name} for key, v in kept.items()}
        broken = [key for key, names in own.items() if not names <= kept.keys()]
        if not broken:
            return kept
        kept = {key: v for key, v in kept.items() if key not in broken}


def _again(variable: Variable, vault: Vault) -> Assignment:
    return Assignment(
        variable.key,
        opened(variable, vault),
        secret=variable.secret,
        available=variable.available,
        sealed=variable.write_only,
    )

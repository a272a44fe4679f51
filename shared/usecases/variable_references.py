"""References between the variables of a project hold when they are written, and while they are."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from uuid import UUID

from shared.domain.errors import Conflict, Invalid
from shared.domain.references import BUILT_IN, Node, cycle, targets, written
from shared.domain.services import Service, ServiceState
from shared.domain.variables import Variable
from shared.ports.store import UnitOfWork

Edges = dict[Node, tuple[Node, ...]]
_SHOWN: Final = 10


def services_by_slug(
    uow: UnitOfWork, organization_id: UUID, project_id: UUID
) -> dict[str, Service]:
    """What a reference may name: the project's services that are not being deleted."""
    found: dict[str, Service] = {}
    cursor: str | None = None
    while True:
        page = uow.services.list(organization_id, project_id, 100, cursor)
        found |= {s.slug: s for s in page.items if s.state is not ServiceState.DELETING}
        cursor = page.next_cursor
        if cursor is None:
            return found


def check_references(
    uow: UnitOfWork,
    service: Service,
    changing: Sequence[Variable],
    removed: Sequence[str],
    *,
    force: bool,
) -> None:
    """Raises Invalid when a changed value refers to nothing or, over others, to itself; Conflict
    when what is removed is referred to, unless `force`."""
    refers = any(variable.refers_to for variable in changing)
    if not refers and not removed:
        return
    services = services_by_slug(uow, service.organization_id, service.project_id)
    services.setdefault(service.slug, service)
    edges = _edges(uow, service, services)
    for key in removed:
        edges.pop((service.slug, key), None)
    for variable in changing:
        node = (service.slug, variable.key)
        edges[node] = targets(node, variable.refers_to)
    changed = [(service.slug, variable.key) for variable in changing]
    _refuse_missing(changed, edges, services)
    found = cycle(edges, changed)
    if found is not None:
        raise Invalid(f"the references go round in a circle: {' → '.join(map(written, found))}")
    if not force:
        _refuse_removal([(service.slug, key) for key in removed], edges)


def _edges(uow: UnitOfWork, service: Service, services: Mapping[str, Service]) -> Edges:
    slugs = {found.id: slug for slug, found in services.items()}
    edges: Edges = {}
    for link in uow.variables.links(service.organization_id, service.project_id):
        slug = slugs.get(link.service_id)
        if slug is not None:
            edges[slug, link.key] = targets((slug, link.key), link.refers_to)
    return edges


def _refuse_missing(changed: Iterable[Node], edges: Edges, services: Mapping[str, Service]) -> None:
    for node in changed:
        for target in edges[node]:
            slug, key = target
            if slug not in services:
                raise Invalid(
                    f"{node[1]} refers to {written(target)}, and this project has no service {slug}"
                )
            if target not in edges and key not in BUILT_IN:
                raise Invalid(
                    f"{node[1]} refers to {written(target)}, and the service {slug} "
                    f"has no variable {key}"
                )


def _refuse_removal(removed: Iterable[Node], edges: Edges) -> None:
    for target in removed:
        if target[1] in BUILT_IN:
            continue
        users = sorted(written(node) for node, used in edges.items() if target in used)
        if users:
            raise Conflict(
                f"{target[1]} is used by {_listed(users)}: change that first, or remove it "
                "with force"
            )


def refuse_referred_service(uow: UnitOfWork, service: Service) -> None:
    """Raises Conflict when variables of other services of the project refer to this one.

    Its previews go with it: theirs do not count.
    """
    services = services_by_slug(uow, service.organization_id, service.project_id)
    edges = _edges(uow, service, {**services, service.slug: service})
    users = sorted(
        written(node)
        for node, used in edges.items()
        if node[0] != service.slug
        and services[node[0]].preview_of != service.id
        and any(slug == service.slug for slug, _ in used)
    )
    if users:
        raise Conflict(
            f"the service {service.name} is used by {_listed(users)}: change that first, or "
            "delete it with force"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

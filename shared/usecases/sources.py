"""Building a service from a connected repository: the link between the two."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from shared.domain.errors import Invalid
from shared.domain.git import GitSource
from shared.domain.ids import now
from shared.domain.services import Service
from shared.ports.git import Repository
from shared.ports.store import UnitOfWork
from shared.usecases.connections import Access
from shared.usecases.hooks import ensure

_LINK: Final = ("connection_id", "repository")


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings without the link, and what becomes of it: another one, none, or it stays."""

    settings: Mapping[str, Any]
    connection_id: UUID | None = None
    repository: Repository | None = None
    unlink: bool = False


def choose(
    organization_id: UUID,
    settings: Mapping[str, Any],
    present: GitSource | None,
    *,
    access: Access | None,
) -> Choice:
    """Look a connected repository up, before any transaction.

    A source names `connection_id` and `repository` (its full name) in place of a URL; a URL of its
    own ends the link. Raises NotFound, AccessLost, Invalid when only one of both is named.
    """
    if "source" not in settings:
        return Choice(settings)
    fields = dict(settings["source"] or {})
    named = {key: fields.pop(key) for key in _LINK if key in fields}
    rest = {**settings, "source": fields if settings["source"] is not None else None}
    if not any(named.values()):
        return Choice(rest, unlink=_is_another(fields, named, present, settings))
    connection_id: UUID | None = named.get("connection_id")
    full_name: str | None = named.get("repository")
    if present is not None:
        connection_id = connection_id or present.connection_id
        full_name = full_name or present.full_name
    if connection_id is None or full_name is None:
        raise Invalid("a connected source needs both: source.connection_id and source.repository")
    if present and (present.connection_id, present.full_name) == (connection_id, full_name):
        fields.pop("repository_url", None)
        return Choice(rest)
    if access is None:
        raise Invalid("connected repositories cannot be chosen here")
    provider, token = access.of(organization_id, connection_id)
    found = provider.get(token, full_name)
    fields["repository_url"] = found.clone_url
    fields["branch"] = fields.get("branch") or found.default_branch
    return Choice(rest, connection_id, found)


def _is_another(
    fields: Mapping[str, Any],
    named: Mapping[str, Any],
    present: GitSource | None,
    settings: Mapping[str, Any],
) -> bool:
    if present is None:
        return False
    url = fields.get("repository_url")
    return bool(named) or settings["source"] is None or url not in {None, present.clone_url}


def link(uow: UnitOfWork, service: Service, choice: Choice, access: Access | None) -> None:
    """Write the choice down, inside the caller's transaction, and want the webhook."""
    org = service.organization_id
    if choice.unlink:
        uow.sources.remove(org, service.id)
    if choice.repository is None or choice.connection_id is None or access is None:
        return
    uow.connections.get(org, choice.connection_id)
    source = GitSource(
        organization_id=org,
        service_id=service.id,
        connection_id=choice.connection_id,
        repository_id=choice.repository.id,
        full_name=choice.repository.full_name,
        clone_url=choice.repository.clone_url,
        created_at=now(),
        checked_at=now(),
    )
    known = uow.sources.find(org, service.id)
    uow.sources.put(replace(source, created_at=known.created_at) if known else source)
    ensure(uow, source, access)

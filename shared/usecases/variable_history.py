"""Earlier versions of a service's variables: listed, compared, restored as a new one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.domain.errors import NotFound
from shared.domain.ids import now
from shared.domain.services import Service
from shared.domain.variables import EnvVersion, Variable
from shared.ports.pages import Page
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.variable_sets import (
    Change,
    lock_to_write,
    opened,
    present_set,
    write,
)
from shared.usecases.variables import Shown, change, shown


@dataclass(frozen=True, slots=True)
class Made:
    """A version and what it did to the one before: names, never values."""

    number: int
    author: str
    created_at: datetime
    restored_from: int | None
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that differs between two versions; a value that is hidden, or not there, is None."""

    key: str
    change: str
    before: str | None
    after: str | None
    secret: bool


def versions(
    organization_id: UUID,
    service_id: UUID,
    limit: int,
    cursor: str | None,
    *,
    uow: UnitOfWork,
) -> Page[Made]:
    """The versions of a service's set, newest first. Raises NotFound."""
    with uow:
        uow.services.get(organization_id, service_id)
        page = uow.variables.versions(organization_id, service_id, limit, cursor)
        if not page.items:
            return Page([], None)
        first, last = page.items[-1].number, page.items[0].number
        touched = uow.variables.between(organization_id, service_id, first, last)
    return Page([_made(version, touched) for version in page.items], page.next_cursor)


def _made(version: EnvVersion, touched: Sequence[Variable]) -> Made:
    number = version.number
    began = {v.key for v in touched if v.version == number and v.removed_in != number}
    ended = {v.key for v in touched if v.removed_in == number and v.version != number}
    return Made(
        number,
        version.author,
        version.created_at,
        version.restored_from,
        added=tuple(sorted(began - ended)),
        changed=tuple(sorted(began & ended)),
        removed=tuple(sorted(ended - began)),
    )


def show_version(uow: UnitOfWork, service: Service, number: int, vault: Vault) -> list[Shown]:
    """The set of version `number` (0: before the first). Raises NotFound.

    What has become a secret since is hidden in earlier versions too.
    """
    found = _at(uow, service, number)
    return [shown(v, vault, hidden=secret) for v, secret in found.values()]


def _at(uow: UnitOfWork, service: Service, number: int) -> dict[str, tuple[Variable, bool]]:
    """The set of a version, each with whether its value is to be hidden today."""
    owner = (service.organization_id, service.id)
    if not 0 <= number <= service.env_version:
        raise NotFound(
            f"the variables have no version {number}: the newest is {service.env_version}"
        )
    later = uow.variables.between(*owner, number + 1, service.env_version)
    hidden = {v.key for v in later if v.secret}
    return {v.key: (v, v.secret or v.key in hidden) for v in uow.variables.at(*owner, number)}


def compare(
    organization_id: UUID,
    service_id: UUID,
    number: int,
    against: int,
    *,
    uow: UnitOfWork,
    vault: Vault,
) -> list[Difference]:
    """What leads from the set of version `against` to that of `number`. Raises NotFound."""
    with uow:
        service = uow.services.get(organization_id, service_id)
        before, after = (_at(uow, service, n) for n in (against, number))
        found = (
            _difference(key, before.get(key), after.get(key), vault)
            for key in sorted(before.keys() | after.keys())
        )
        return [difference for difference in found if difference is not None]


def _difference(
    key: str,
    before: tuple[Variable, bool] | None,
    after: tuple[Variable, bool] | None,
    vault: Vault,
) -> Difference | None:
    if before and after and _same(before[0], after[0], vault):
        return None
    hidden = any(side[1] for side in (before, after) if side)
    kind = "changed" if before and after else "added" if after else "removed"
    values = [opened(side[0], vault) if side and not hidden else None for side in (before, after)]
    return Difference(key, kind, values[0], values[1], hidden)


def _same(one: Variable, other: Variable, vault: Vault) -> bool:
    """A sealed value is the same only where it was not written again: it cannot be guessed at."""
    if one.version == other.version:
        return True
    flags = [(v.secret, v.write_only, v.available) for v in (one, other)]
    if flags[0] != flags[1] or one.write_only:
        return False
    return opened(one, vault) == opened(other, vault)


def restore(
    organization_id: UUID,
    service_id: UUID,
    number: int,
    *,
    dry_run: bool,
    force: bool = False,
    actor: str,
    uow: UnitOfWork,
    vault: Vault,
) -> Change:
    """Make the set of version `number` the newest one, or with `dry_run` only say what changes.

    What has become secret or sealed since stays so. Raises NotFound, and as `write` does.
    """
    with uow:
        service = lock_to_write(uow, organization_id, service_id)
        present = present_set(uow, service)
        wanted = _tightened(uow, service, number)
        changing = [
            replace(v, version=service.env_version + 1, author=actor, created_at=now())
            for v in wanted
            if v.key not in present or not _same(v, present[v.key], vault)
        ]
        changing = [replace(v, removed_in=None) for v in changing]
        removed = present.keys() - {v.key for v in wanted}
        service = write(
            uow,
            service,
            changing,
            removed,
            actor,
            force=force,
            dry_run=dry_run,
            restored_from=number,
        )
    return change(changing, removed, present, len(wanted), service)


def _tightened(uow: UnitOfWork, service: Service, number: int) -> list[Variable]:
    """The set of a version, its flags at least as strict as any later ones of the same key."""
    found = _at(uow, service, number)
    later = uow.variables.between(
        service.organization_id, service.id, number + 1, service.env_version
    )
    sealed = {v.key for v in later if v.write_only}
    return [
        replace(v, secret=hidden, write_only=v.write_only or v.key in sealed)
        for v, hidden in found.values()
    ]

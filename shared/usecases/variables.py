"""Environment variables of a service: read, add, change, remove, replace as a whole, reveal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.domain.errors import Conflict, Forbidden, NotFound
from shared.domain.services import Service
from shared.domain.variables import Availability, Variable
from shared.domain.versions import Expected, refuse_changed
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.variable_sets import (
    Assignment,
    Change,
    differs,
    lock_to_write,
    merged,
    opened,
    present_set,
    write,
)

__all__ = ["Assignment", "Change"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A variable as people see it: the value of a secret never leaves."""

    key: str
    value: str | None
    secret: bool
    sealed: bool
    available: Availability
    references: tuple[str, ...]
    version: int
    author: str
    updated_at: str


def show(uow: UnitOfWork, service: Service, vault: Vault) -> Sequence[Shown]:
    """The present set; values of secrets are None."""
    return [shown(v, vault) for v in present_set(uow, service).values()]


def shown(variable: Variable, vault: Vault, *, hidden: bool = False) -> Shown:
    """One of them; `hidden` also hides a value that was plain once."""
    return Shown(
        key=variable.key,
        value=None if variable.secret or hidden else opened(variable, vault),
        secret=variable.secret,
        sealed=variable.write_only,
        available=variable.available,
        references=variable.refers_to,
        version=variable.version,
        author=variable.author,
        updated_at=variable.created_at.isoformat(),
    )


def create(
    organization_id: UUID,
    service_id: UUID,
    assignment: Assignment,
    *,
    actor: str,
    uow: UnitOfWork,
    vault: Vault,
) -> Shown:
    """Add a key. Raises Conflict when it is there, Invalid for what cannot be set."""
    with uow:
        service = lock_to_write(uow, organization_id, service_id)
        if assignment.key in present_set(uow, service):
            raise Conflict(f"{assignment.key} is set already: change it with PATCH")
        made = merged(assignment, None, service, actor, vault)
        write(uow, service, [made], (), actor)
        return shown(made, vault)


def update(
    organization_id: UUID,
    service_id: UUID,
    wanted: Assignment,
    *,
    actor: str,
    uow: UnitOfWork,
    vault: Vault,
) -> Shown:
    """Change a key's value or flags; what is None stays.

    Raises NotFound; Invalid where a secret would become plain without being given again.
    """
    with uow:
        service = lock_to_write(uow, organization_id, service_id)
        present = _set_on(uow, service, wanted.key)
        made = merged(wanted, present, service, actor, vault)
        write(uow, service, [made], (), actor)
        return shown(made, vault)


def delete(
    organization_id: UUID,
    service_id: UUID,
    key: str,
    *,
    force: bool = False,
    actor: str,
    uow: UnitOfWork,
) -> None:
    """Remove a key from the next version on.

    Raises NotFound, and Conflict while other variables refer to it, unless `force`.
    """
    with uow:
        service = lock_to_write(uow, organization_id, service_id)
        _set_on(uow, service, key)
        write(uow, service, [], [key], actor, force=force)


def replace_all(
    organization_id: UUID,
    service_id: UUID,
    wanted: Sequence[Assignment],
    *,
    dry_run: bool,
    force: bool = False,
    expected: Expected = None,
    actor: str,
    uow: UnitOfWork,
    vault: Vault,
) -> Change:
    """Make `wanted` the whole set, or with `dry_run` only say what that would change.

    Raises as `write` does, in both cases, and PreconditionFailed when the set has another version
    than those `expected`.
    """
    with uow:
        service = lock_to_write(uow, organization_id, service_id)
        refuse_changed(expected, service.env_version, "set of variables")
        present = present_set(uow, service)
        made = [merged(a, present.get(a.key), service, actor, vault) for a in wanted]
        changing = [
            v for a, v in zip(wanted, made, strict=True) if differs(a, v, present.get(a.key), vault)
        ]
        removed = present.keys() - {a.key for a in wanted}
        service = write(uow, service, changing, removed, actor, force=force, dry_run=dry_run)
    return change(changing, removed, present, len(wanted), service)


def change(
    changing: Sequence[Variable],
    removed: Iterable[str],
    present: dict[str, Variable],
    wanted: int,
    service: Service,
) -> Change:
    """What `write` did, or would do, to what was `present`."""
    return Change(
        added=tuple(sorted(v.key for v in changing if v.key not in present)),
        changed=tuple(sorted(v.key for v in changing if v.key in present)),
        removed=tuple(sorted(removed)),
        unchanged=wanted - len(changing),
        version=service.env_version,
    )


def reveal(
    organization_id: UUID, service_id: UUID, key: str, *, uow: UnitOfWork, vault: Vault
) -> str:
    """The value of a secret, as it was written; that it was read is recorded.

    Raises NotFound, and Forbidden for one that is sealed.
    """
    with uow:
        service = uow.services.get(organization_id, service_id)
        variable = _set_on(uow, service, key)
        if variable.write_only:
            raise Forbidden(f"{key} is sealed: nobody can read it again, only replace it")
        uow.audit.read("service", service.id, service.name, key=key, version=variable.version)
        return opened(variable, vault)


def _set_on(uow: UnitOfWork, service: Service, key: str) -> Variable:
    found = present_set(uow, service).get(key)
    if found is None:
        raise NotFound(f"{key} is not set on this service")
    return found

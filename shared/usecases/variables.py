"""Environment variables of a service, in versions; every write makes the next version."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from shared.domain.errors import Conflict, Invalid, NotFound
from shared.domain.ids import now
from shared.domain.services import Service
from shared.domain.variables import Availability, Variable, checked_key, checked_value
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class Assignment:
    """A key's wanted value; a `value` of None keeps the present one."""

    key: str
    value: str | None
    secret: bool = False
    available: Availability = Availability.BOTH


@dataclass(frozen=True, slots=True)
class Shown:
    """A variable as people see it: the value of a secret never leaves."""

    key: str
    value: str | None
    secret: bool
    available: Availability
    version: int
    author: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class Change:
    """What writing a set would do, or did; `version` is the set's number afterwards."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    version: int


def _context(service_id: UUID, key: str) -> str:
    return f"variable:{service_id}:{key}"


def reveal_all(
    uow: UnitOfWork, service: Service, version: int, wanted: Availability, vault: Vault
) -> dict[str, tuple[str, bool]]:
    """key → (value, secret) of the set of `version` that is available to `wanted`."""
    return {
        v.key: (vault.open(v.sealed, _context(service.id, v.key)), v.secret)
        for v in uow.variables.at(service.organization_id, service.id, version)
        if v.available in {wanted, Availability.BOTH}
    }


def show(uow: UnitOfWork, service: Service, vault: Vault) -> Sequence[Shown]:
    """The present set; values of secrets are None."""
    return [
        _shown(v, vault)
        for v in uow.variables.at(service.organization_id, service.id, service.env_version)
    ]


def _shown(variable: Variable, vault: Vault) -> Shown:
    value = (
        None
        if variable.secret
        else vault.open(variable.sealed, _context(variable.service_id, variable.key))
    )
    return Shown(
        variable.key,
        value,
        variable.secret,
        variable.available,
        variable.version,
        variable.author,
        variable.created_at.isoformat(),
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
    """Add a key. Raises Conflict when it is there."""
    with uow:
        service = uow.services.lock(organization_id, service_id)
        if _find(uow, service, assignment.key):
            raise Conflict(f"{assignment.key} is set already: change it with PATCH")
        _write(uow, service, [assignment], (), actor, vault)
        return _one(uow, organization_id, service_id, assignment.key, vault)


def update(
    organization_id: UUID,
    service_id: UUID,
    key: str,
    *,
    value: str | None,
    secret: bool | None,
    available: Availability | None,
    actor: str,
    uow: UnitOfWork,
    vault: Vault,
) -> Shown:
    """Change a key's value or flags. Raises NotFound; Invalid when a secret would become plain."""
    with uow:
        service = uow.services.lock(organization_id, service_id)
        present = _find(uow, service, key)
        if present is None:
            raise NotFound(f"{key} is not set on this service")
        if present.secret and secret is False and value is None:
            raise Invalid(f"{key} is secret: give its value again to make it plain")
        assignment = Assignment(
            key,
            value,
            present.secret if secret is None else secret,
            available or present.available,
        )
        _write(uow, service, [assignment], (), actor, vault)
        return _one(uow, organization_id, service_id, key, vault)


def delete(
    organization_id: UUID, service_id: UUID, key: str, *, actor: str, uow: UnitOfWork, vault: Vault
) -> None:
    """Remove a key from the next version on. Raises NotFound."""
    with uow:
        service = uow.services.lock(organization_id, service_id)
        if _find(uow, service, key) is None:
            raise NotFound(f"{key} is not set on this service")
        _write(uow, service, [], [key], actor, vault)


def replace_all(
    organization_id: UUID,
    service_id: UUID,
    wanted: Sequence[Assignment],
    *,
    dry_run: bool,
    actor: str,
    uow: UnitOfWork,
    vault: Vault,
) -> Change:
    """Make `wanted` the whole set, or with `dry_run` only say what that would change."""
    with uow:
        service = uow.services.lock(organization_id, service_id)
        present = {
            v.key: v for v in uow.variables.at(organization_id, service_id, service.env_version)
        }
        keep = {a.key for a in wanted}
        changing = [a for a in wanted if _differs(a, present.get(a.key), vault)]
        removed = tuple(sorted(present.keys() - keep))
        if not dry_run and (changing or removed):
            service = _write(uow, service, changing, removed, actor, vault)
    return Change(
        added=tuple(sorted(a.key for a in changing if a.key not in present)),
        changed=tuple(sorted(a.key for a in changing if a.key in present)),
        removed=removed,
        unchanged=len(wanted) - len(changing),
        version=service.env_version,
    )


def _differs(wanted: Assignment, present: Variable | None, vault: Vault) -> bool:
    checked_key(wanted.key)
    if present is None:
        return True
    if (wanted.secret, wanted.available) != (present.secret, present.available):
        return True
    value = vault.open(present.sealed, _context(present.service_id, present.key))
    return wanted.value is not None and wanted.value != value


def _find(uow: UnitOfWork, service: Service, key: str) -> Variable | None:
    present = uow.variables.at(service.organization_id, service.id, service.env_version)
    return next((v for v in present if v.key == key), None)


def _one(uow: UnitOfWork, org: UUID, service_id: UUID, key: str, vault: Vault) -> Shown:
    found = _find(uow, uow.services.get(org, service_id), key)
    assert found is not None  # noqa: S101 - written in this transaction
    return _shown(found, vault)


def _write(
    uow: UnitOfWork,
    service: Service,
    assignments: Sequence[Assignment],
    removed: Sequence[str],
    actor: str,
    vault: Vault,
) -> Service:
    version = service.env_version + 1
    for a in assignments:
        context = _context(service.id, checked_key(a.key))
        present = _find(uow, service, a.key)
        if a.value is None and present is None:
            raise Invalid(f"{a.key} needs a value")
        value = vault.open(present.sealed, context) if a.value is None and present else a.value
        uow.variables.put(
            Variable(
                organization_id=service.organization_id,
                service_id=service.id,
                key=a.key,
                version=version,
                secret=a.secret,
                available=a.available,
                sealed=vault.seal(checked_value(value or ""), context),
                author=actor,
                created_at=now(),
            )
        )
    for key in removed:
        uow.variables.drop(service.organization_id, service.id, key, version)
    service = replace(service, env_version=version, updated_at=now())
    uow.services.save(service)
    return service

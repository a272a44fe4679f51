"""Writing a service's set of variables: what is wanted, checked, and made the next version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from shared.domain.errors import Invalid
from shared.domain.ids import now
from shared.domain.references import references
from shared.domain.services import Service
from shared.domain.variables import (
    Availability,
    EnvVersion,
    Variable,
    checked_key,
    checked_value,
    context,
)
from shared.ports.secrets import Vault
from shared.ports.store import UnitOfWork
from shared.usecases.variable_references import check_references


@dataclass(frozen=True, slots=True)
class Assignment:
    """A key's wanted value and flags; None keeps what is there (a new key: plain, for both).

    What is `sealed` is secret too, and can only be replaced: nobody reads it again.
    """

    key: str
    value: str | None
    secret: bool | None = None
    available: Availability | None = None
    sealed: bool | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What writing a set would do, or did; `version` is the set's number afterwards."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    version: int


def opened(variable: Variable, vault: Vault) -> str:
    """The value as it was written, references not resolved."""
    return vault.open(variable.sealed, context(variable.service_id, variable.key))


def present_set(uow: UnitOfWork, service: Service) -> dict[str, Variable]:
    """The newest version of the set, by key."""
    found = uow.variables.at(service.organization_id, service.id, service.env_version)
    return {variable.key: variable for variable in found}


def lock_to_write(uow: UnitOfWork, organization_id: UUID, service_id: UUID) -> Service:
    """The service, held together with its project: references cross services."""
    project_id = uow.services.get(organization_id, service_id).project_id
    uow.projects.lock(organization_id, project_id)
    return uow.services.lock(organization_id, service_id)


def merged(
    wanted: Assignment, present: Variable | None, service: Service, author: str, vault: Vault
) -> Variable:
    """`wanted` over what is there, as a row of the next version.

    Raises Invalid for a bad name, value or reference, and where a hidden value would be shown.
    """
    checked_key(wanted.key)
    secret, sealed = _flags(wanted, present)
    if wanted.value is None:
        if present is None:
            raise Invalid(f"{wanted.key} needs a value")
        text, refers_to = present.sealed, present.refers_to
    else:
        text = vault.seal(checked_value(wanted.value), context(service.id, wanted.key))
        refers_to = _refers_to(wanted.key, wanted.value)
    kept = present.available if present else Availability.BOTH
    return Variable(
        organization_id=service.organization_id,
        service_id=service.id,
        key=wanted.key,
        version=service.env_version + 1,
        secret=secret,
        available=wanted.available or kept,
        sealed=text,
        author=author,
        created_at=now(),
        write_only=sealed,
        refers_to=refers_to,
    )


def _flags(wanted: Assignment, present: Variable | None) -> tuple[bool, bool]:
    was_secret, was_sealed = (present.secret, present.write_only) if present else (False, False)
    sealed = was_sealed if wanted.sealed is None else wanted.sealed
    secret = was_secret if wanted.secret is None else wanted.secret
    if sealed and wanted.secret is False:
        raise Invalid(f"{wanted.key} is sealed, and what is sealed is secret: unseal it first")
    if was_sealed and not sealed and wanted.value is None:
        raise Invalid(f"{wanted.key} is sealed: only a new value makes it readable again")
    if was_secret and not (secret or sealed) and wanted.value is None:
        raise Invalid(f"{wanted.key} is secret: give its value again to make it plain")
    return secret or sealed, sealed


def _refers_to(key: str, value: str) -> tuple[str, ...]:
    try:
        return tuple(str(reference) for reference in references(value))
    except Invalid as error:
        raise Invalid(f"{key}: {error.reason}") from None


def differs(wanted: Assignment, made: Variable, present: Variable | None, vault: Vault) -> bool:
    """Whether `made` is more than a repetition. A sealed value is never compared: it is replaced,
    so that nobody can guess it."""
    if present is None:
        return True
    flags = (made.secret, made.write_only, made.available)
    if flags != (present.secret, present.write_only, present.available):
        return True
    if wanted.value is None:
        return False
    return present.write_only or wanted.value != opened(present, vault)


def write(
    uow: UnitOfWork,
    service: Service,
    changing: Sequence[Variable],
    removed: Iterable[str],
    author: str,
    *,
    force: bool = False,
    dry_run: bool = False,
    restored_from: int | None = None,
) -> Service:
    """Make the next version, once its references are found to hold; with `dry_run` only that.

    Raises Invalid for a reference to nothing or in a circle, Conflict when others refer to what
    goes (unless `force`). Writing nothing makes no version.
    """
    gone = sorted(removed)
    check_references(uow, service, changing, gone, force=force)
    if dry_run or not (changing or gone):
        return service
    number = service.env_version + 1
    _tell(uow, service, changing, gone)
    for variable in changing:
        uow.variables.put(variable)
    for key in gone:
        uow.variables.drop(service.organization_id, service.id, key, number)
    uow.variables.record(
        EnvVersion(service.organization_id, service.id, number, author, now(), restored_from)
    )
    service = replace(service, env_version=number, updated_at=now())
    uow.services.save(service)
    return service


def _tell(
    uow: UnitOfWork, service: Service, changing: Sequence[Variable], gone: Sequence[str]
) -> None:
    """For the audit log: names, never values."""
    names = present_set(uow, service).keys()
    uow.audit.about(
        "service",
        service.id,
        service.name,
        version=service.env_version + 1,
        added=sorted(v.key for v in changing if v.key not in names),
        changed=sorted(v.key for v in changing if v.key in names),
        removed=list(gone),
    )

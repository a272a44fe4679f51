"""Who did what to which thing, when."""

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from shared.domain.access import Actor
from shared.domain.idempotency import Claim
from shared.domain.ids import new_id, now

_NOT_SHOWN: Final = frozenset({"updated_at", "version"})
"""What every change changes."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change, or one read of a credential. `detail` never holds a secret's value."""

    id: UUID
    organization_id: UUID
    created_at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    resource_kind: str | None = None
    resource_id: str | None = None
    resource_name: str | None = None
    request_id: str | None = None
    address: str | None = None
    detail: dict[str, Any] | None = None


def changed_fields(before: object, after: object, prefix: str = "") -> list[str]:
    """The names of the fields in which two entities differ, those inside of groups too."""
    names: list[str] = []
    for name in (f.name for f in fields(before)):  # type: ignore[arg-type]
        old, new = getattr(before, name), getattr(after, name)
        if old == new or name in _NOT_SHOWN:
            continue
        if is_dataclass(old) and type(old) is type(new):
            names += changed_fields(old, new, f"{prefix}{name}.")
        else:
            names.append(f"{prefix}{name}")
    return names


@dataclass(slots=True)
class Act:
    """What one request is doing; its unit of work writes it down once, with the first change.

    `action` is the operation (`services.update`), `address` the caller's IP address. The actor is
    known once the caller is authenticated: before that nothing is recorded. With a `claim` on an
    idempotency key the change is marked as made there, in the same transaction.
    """

    action: str
    actor: Actor | None = None
    request_id: str | None = None
    address: str | None = None
    recorded: bool = False
    resource: tuple[str, str, str | None] | None = None
    detail: dict[str, Any] = field(default_factory=dict)
    claim: Claim | None = None

    def event(self) -> AuditEvent | None:
        """The row to write now; None when there is nobody to name or it was written before."""
        if self.actor is None or self.recorded:
            return None
        kind, id_, name = self.resource or (None, None, None)
        return AuditEvent(
            id=new_id(),
            organization_id=self.actor.organization_id,
            created_at=now(),
            actor_kind=self.actor.kind,
            actor_id=self.actor.id,
            actor_name=self.actor.name,
            action=self.action,
            resource_kind=kind,
            resource_id=id_,
            resource_name=name,
            request_id=self.request_id,
            address=self.address,
            detail=self.detail or None,
        )

"""What Neutron says no with."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from uuid import UUID

from infra.simulator.calls import Document, RefusedError
from infra.simulator.world import World

UNKNOWN: Final = {
    "networks": ("NetworkNotFound", "Network {} could not be found."),
    "subnets": ("SubnetNotFound", "Subnet {} could not be found."),
    "routers": ("RouterNotFound", "Router {} could not be found"),
    "ports": ("PortNotFound", "Port {} could not be found."),
    "groups": ("SecurityGroupNotFound", "Security group {} does not exist"),
    "rules": ("SecurityGroupRuleNotFound", "Security group rule {} does not exist"),
    "floating": ("FloatingIPNotFound", "Floating IP {} could not be found"),
}


def found(world: World, kind: str, identifier: object) -> Document:
    """The thing. Raises RefusedError with 404."""
    collection: dict[str, Document] = getattr(world.neutron, kind)
    thing = collection.get(str(identifier))
    if thing is None:
        name, message = UNKNOWN[kind]
        raise RefusedError(404, message.format(identifier), name)
    return thing


def required(wanted: Mapping[str, Any], name: str) -> str:
    """An id that must be there. Raises RefusedError with 400."""
    if name not in wanted:
        raise bad(f"Failed to parse request. Required attribute '{name}' not specified")
    try:
        return str(UUID(str(wanted[name])))
    except ValueError:
        raise bad(
            f"Invalid input for {name}. Reason: '{wanted[name]}' is not a valid UUID."
        ) from None


def bad(message: str, kind: str = "HTTPBadRequest") -> RefusedError:
    """What cannot be asked for."""
    return RefusedError(400, message, kind)


def within_quota(world: World, name: str, used: int) -> None:
    """Raises RefusedError with 409 where `used`, the new ones among them, are too many."""
    if not world.quotas.allows(name, used):
        raise RefusedError(409, f"Quota exceeded for resources: ['{name}'].", "OverQuota")


def only_known(wanted: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raises RefusedError with 400 for an attribute that is none, 403 for the operator's."""
    foreign = [name for name in wanted if name.startswith(("provider:", "router:"))]
    if foreign:
        raise RefusedError(
            403,
            f"(rule:create_network and rule:create_network:{foreign[0]}) is disallowed by policy",
            "PolicyNotAuthorized",
        )
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise bad(f"Unrecognized attribute(s) '{', '.join(unknown)}'")


def fresh(thing: Document, headers: Mapping[str, str]) -> None:
    """Raises RefusedError with 412 where the caller's revision is an old one."""
    asked = headers.get("if-match", "")
    if asked and asked != f"revision_number={thing['revision_number']}":
        raise RefusedError(
            412,
            "Constrained to " + asked.removeprefix("revision_number=") + ", but current "
            f"revision is {thing['revision_number']}",
            "RevisionNumberConstraintFailed",
        )


def touched(world: World, thing: Document) -> None:
    """Count a change."""
    thing["revision_number"] += 1
    thing["updated_at"] = world.schedule.moment()


def stamps(world: World) -> Document:
    """What everything has."""
    moment = world.schedule.moment()
    return {
        "description": "",
        "project_id": world.project_id,
        "tenant_id": world.project_id,
        "tags": [],
        "revision_number": 1,
        "created_at": moment,
        "updated_at": moment,
    }

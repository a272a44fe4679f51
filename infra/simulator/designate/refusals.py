"""What Designate says no with."""

from collections.abc import Sequence
from uuid import UUID

from infra.simulator.calls import Call, Document, RefusedError
from infra.simulator.world import World


def zone_of(world: World, zone_id: str) -> Document:
    """The zone. Raises RefusedError with 404, and 400 for what is no id."""
    _identifier("zone_id", zone_id)
    zone = world.zones.get(zone_id)
    if zone is None:
        raise RefusedError(404, "Could not find Zone", "zone_not_found")
    return zone


def recordset_of(world: World, zone_id: str, recordset_id: str) -> Document:
    """The recordset. Raises RefusedError with 404, and 400 for what is no id."""
    zone_of(world, zone_id)
    _identifier("recordset_id", recordset_id)
    recordset = world.recordsets.get(recordset_id)
    if recordset is None or recordset["zone_id"] != zone_id:
        raise RefusedError(404, "Could not find RecordSet", "recordset_not_found")
    return recordset


def _identifier(name: str, text: str) -> None:
    try:
        UUID(text)
    except ValueError:
        raise RefusedError(400, f"Invalid UUID {name}: {text}", "invalid_uuid") from None


def unfit(message: str) -> RefusedError:
    """A value that Designate's own objects refuse: that has a message."""
    return RefusedError(
        400,
        f"Provided object is not valid. Got a ValueError error with message {message}",
        "invalid_object",
    )


def invalid(
    call: Call, path: Sequence[str | int], message: str, validator: str, value: object
) -> RefusedError:
    """A value that cannot be: it is named by its path, and there is no message beside."""
    error = {
        "path": list(path),
        "message": message,
        "validator": validator,
        "validator_value": value,
    }
    return RefusedError(
        400,
        body={
            "code": 400,
            "type": "invalid_object",
            "errors": {"errors": [error]},
            "request_id": call.request_id,
        },
    )


def within_quota(world: World, name: str, used: int) -> None:
    """Raises RefusedError with 413 where `used`, the new one among them, are too many."""
    if not world.quotas.allows(name, used):
        raise RefusedError(413, f"Quota exceeded for {name}.", "over_quota")

"""What Cinder says no with."""

from collections.abc import Mapping

from infra.simulator.calls import Call, Document, RefusedError
from infra.simulator.world import World


def volume_of(world: World, volume_id: str) -> Document:
    """The volume. Raises RefusedError with 404."""
    volume = world.cinder.volumes.get(volume_id)
    if volume is None:
        raise RefusedError(404, f"Volume {volume_id} could not be found.")
    return volume


def snapshot_of(world: World, snapshot_id: str) -> Document:
    """The snapshot. Raises RefusedError with 404."""
    snapshot = world.cinder.snapshots.get(snapshot_id)
    if snapshot is None:
        raise RefusedError(404, f"Snapshot {snapshot_id} could not be found.")
    return snapshot


def forget(collection: dict[str, Document], identifier: str) -> None:
    """Take a thing out that may have gone already."""
    collection.pop(identifier, None)


def only_known(call: Call, known: frozenset[str]) -> None:
    """Raises RefusedError with 400 for a filter that is none."""
    names = {"all_tenants", "limit", "marker", "offset", "sort", "sort_key", "sort_dir"}
    unknown = sorted({name for name, _ in call.query} - known - names)
    if unknown:
        raise RefusedError(400, f"Invalid filters {','.join(unknown)} are found in query options.")


def size_of(wanted: Mapping[str, object]) -> int:
    """A size in GiB. Raises RefusedError with 400."""
    size = wanted.get("size", wanted.get("new_size"))
    text = str(size)
    if size is None or not text.removeprefix("-").isdigit():
        raise invalid("size", size, f"{size!r} does not match '^[0-9]+$'")
    if int(text) < 1:
        raise invalid("size", size, f"{size} is less than the minimum of 1")
    return int(text)


def invalid(field: str, value: object, reason: str) -> RefusedError:
    """A field that cannot be."""
    return RefusedError(400, f"Invalid input for field/attribute {field}. Value: {value}. {reason}")

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
    if isinstance(size, bool) or not isinstance(size, int | str) or not str(size).isdigit():
        raise RefusedError(
            400,
            f"Invalid input for field/attribute size. Value: {size}. "
            f"{size!r} is not valid under any of the given schemas",
        )
    if not int(size):
        raise RefusedError(
            400,
            f"Invalid input received: Invalid volume size provided for create request: {size}"
            " (size argument must be an integer (or string representation of an integer) and "
            "greater than zero).",
        )
    return int(size)

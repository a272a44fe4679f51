"""Snapshots of volumes."""

from typing import Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.cinder import limits
from infra.simulator.cinder.refusals import forget, invalid, only_known, snapshot_of, volume_of
from infra.simulator.paging import Cut, linked, page
from infra.simulator.world import World

router = Router()
_FILTERS: Final = frozenset({"name", "status", "volume_id", "metadata", "availability_zone"})


@router("POST", "/snapshots")
def create(world: World, call: Call) -> Answer:
    wanted = call.document("snapshot")
    if "volume_id" not in wanted:
        raise invalid("snapshot", wanted, "'volume_id' is a required property")
    volume = volume_of(world, str(wanted["volume_id"]))
    allowed = ("available", "in-use") if wanted.get("force") else ("available",)
    if volume["status"] not in allowed:
        raise RefusedError(
            400,
            f"Invalid volume: Volume {volume['id']} status must be {', '.join(allowed)}, "
            f"but current status is: {volume['status']}.",
        )
    limits.within_quota(world, "snapshots", volume["size"])
    snapshot = {
        "id": world.ids.dashed(),
        "name": wanted.get("name"),
        "description": wanted.get("description"),
        "volume_id": volume["id"],
        "size": volume["size"],
        "status": "creating",
        "metadata": dict(wanted.get("metadata") or {}),
        "created_at": world.schedule.moment("%Y-%m-%dT%H:%M:%S.000000"),
        "updated_at": None,
        "user_id": world.user_id,
        "group_snapshot_id": None,
        "os-extended-snapshot-attributes:progress": "0%",
        "os-extended-snapshot-attributes:project_id": world.project_id,
    }
    world.cinder.snapshots[snapshot["id"]] = snapshot
    lag = world.lag
    ended: Document = {"status": "available", "os-extended-snapshot-attributes:progress": "100%"}
    if lag.error is not None:
        ended = {"status": "error"}
    world.after(0.3, lambda: snapshot.update(ended), lag.seconds)
    return Answer(202, {"snapshot": dict(snapshot)})


@router("GET", "/snapshots")
@router("GET", "/snapshots/detail")
def listed(world: World, call: Call) -> Answer:
    only_known(call, _FILTERS)
    wanted = [(n, v) for n, v in call.query if n in _FILTERS - {"metadata", "availability_zone"}]
    found = [
        snapshot
        for snapshot in reversed(world.cinder.snapshots.values())
        if all(str(snapshot[name]) == value for name, value in wanted)
    ]
    cut = Cut(world.options.page_limit, bad_marker=404)
    shown, marker = page(call, found, cut, lambda snapshot: str(snapshot["id"]))
    address = f"{call.base}/volume/v3/{world.project_id}{call.path}"
    return Answer(200, linked("snapshots", shown, address, call, marker))


@router("GET", "/snapshots/{snapshot_id}")
def show(world: World, _call: Call, snapshot_id: str) -> Answer:
    return Answer(200, {"snapshot": dict(snapshot_of(world, snapshot_id))})


@router("DELETE", "/snapshots/{snapshot_id}")
def delete(world: World, _call: Call, snapshot_id: str) -> Answer:
    snapshot = snapshot_of(world, snapshot_id)
    if snapshot["status"] not in ("available", "error"):
        raise RefusedError(
            400,
            "Invalid snapshot: Snapshot status must be available or error and must not be "
            "part of a group.",
        )
    snapshot["status"] = "deleting"
    lag = world.lag
    if lag.error is not None:
        world.after(0.4, lambda: snapshot.update(status="error_deleting"))
    else:
        gone = world.cinder.snapshots
        world.after(0.4, lambda: forget(gone, snapshot_id), lag.seconds)
    return Answer(202)

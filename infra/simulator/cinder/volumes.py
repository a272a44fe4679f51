"""Volumes: made, listed, extended and deleted."""

import json
from ast import literal_eval
from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.cinder import limits
from infra.simulator.cinder.refusals import (
    forget,
    invalid,
    only_known,
    size_of,
    snapshot_of,
    volume_of,
)
from infra.simulator.cinder.versions import minor
from infra.simulator.paging import Cut, linked, page
from infra.simulator.world import World

router = Router()
_FIELDS: Final = {
    "name",
    "description",
    "size",
    "metadata",
    "snapshot_id",
    "volume_type",
    "availability_zone",
    "imageRef",
    "source_volid",
    "multiattach",
    "consistencygroup_id",
    "group_id",
    "backup_id",
}
_FILTERS: Final = frozenset(
    {"name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id"}
)
_DELETABLE: Final = (
    "available",
    "error",
    "error_restoring",
    "error_extending",
    "error_managing",
)
_NOT_DELETABLE: Final = (
    "Invalid volume: Volume status must be available or error or error_restoring or "
    "error_extending or error_managing and must not be migrating, attached, belong to a group, "
    "have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer."
)


@router("POST", "/volumes")
def create(world: World, call: Call) -> Answer:
    """Accepted once it is valid and within the quota."""
    wanted = call.document("volume")
    snapshot_id = wanted.get("snapshot_id")
    if snapshot_id is not None:
        source = snapshot_of(world, str(snapshot_id))
        wanted = {"size": source["size"]} | {k: v for k, v in wanted.items() if v is not None}
        if size_of(wanted) < source["size"]:
            raise RefusedError(
                400,
                f"Invalid input received: Volume size '{wanted['size']}' GB cannot be "
                f"smaller than the snapshot size {source['size']} GB. They must be >= original "
                "snapshot size.",
            )
    size = size_of(wanted)
    _checked(wanted)
    limits.within_quota(world, "volumes", size)
    volume = _made(world, wanted, size)
    world.cinder.volumes[volume["id"]] = volume
    lag = world.lag
    ended = "available" if lag.error is None else "error"
    world.after(0.3, lambda: volume.update(status=ended), lag.seconds)
    return Answer(202, {"volume": dict(volume)})


def _checked(wanted: Document) -> None:
    unknown = sorted(set(wanted) - _FIELDS)
    if unknown:
        listed = ", ".join(repr(name) for name in unknown)
        reason = f"Additional properties are not allowed ({listed} was unexpected)"
        raise invalid("volume", wanted, reason)
    for key, value in (wanted.get("metadata") or {}).items():
        if not isinstance(value, str):
            raise invalid(key, value, f"{value!r} is not of type 'string'")
    kind, zone = wanted.get("volume_type"), wanted.get("availability_zone")
    if kind not in (None, "", "__DEFAULT__"):
        raise RefusedError(404, f"Volume type with name {kind} could not be found.")
    if zone not in (None, "", "nova"):
        raise RefusedError(400, f"Availability zone '{zone}' is invalid.")


def _made(world: World, wanted: Document, size: int) -> Document:
    return {
        "id": world.ids.dashed(),
        "name": wanted.get("name"),
        "description": wanted.get("description"),
        "size": size,
        "status": "creating",
        "attach_status": "detached",
        "attachments": [],
        "availability_zone": "nova",
        "bootable": "false",
        "consistencygroup_id": None,
        "created_at": world.schedule.moment("%Y-%m-%dT%H:%M:%S.000000"),
        "encrypted": False,
        "group_id": None,
        "links": [{"rel": "self", "href": f"/volumes/{world.project_id}"}],
        "metadata": {str(k): str(v) for k, v in (wanted.get("metadata") or {}).items()},
        "migration_status": None,
        "multiattach": False,
        "os-vol-tenant-attr:tenant_id": world.project_id,
        "replication_status": None,
        "snapshot_id": wanted.get("snapshot_id"),
        "source_volid": None,
        "updated_at": None,
        "user_id": world.user_id,
        "volume_type": "__DEFAULT__",
    }


@router("GET", "/volumes")
def listed(world: World, call: Call) -> Answer:
    shown, marker = _page(world, call)
    volumes = [{"id": v["id"], "name": v["name"], "links": v["links"]} for v in shown]
    return Answer(200, linked("volumes", volumes, _address(world, call), call, marker))


@router("GET", "/volumes/detail")
def listed_with_details(world: World, call: Call) -> Answer:
    shown, marker = _page(world, call)
    return Answer(200, linked("volumes", shown, f"{_address(world, call)}/detail", call, marker))


def _address(world: World, call: Call) -> str:
    return f"{call.base}/volume/v3/{world.project_id}/volumes"


def _page(world: World, call: Call) -> tuple[list[Document], str | None]:
    only_known(call, _FILTERS)
    newest_first = list(reversed(world.cinder.volumes.values()))
    wanted = [(name, value) for name, value in call.query if name in _FILTERS]
    found = [v for v in newest_first if all(_meets(v, name, value) for name, value in wanted)]
    cut = Cut(world.options.page_limit, bad_marker=404)
    return page(call, found, cut, lambda volume: str(volume["id"]))


def _meets(volume: Document, name: str, value: str) -> bool:
    if name != "metadata":
        return str(volume[name]) == value
    has = volume["metadata"]
    return all(has.get(key) == text for key, text in _metadata_filter(value).items())


def _metadata_filter(value: str) -> dict[str, Any]:
    """As clients write it: a Python or a JSON object."""
    for read in (literal_eval, json.loads):
        try:
            found = read(value)
        except (ValueError, SyntaxError):
            continue
        if isinstance(found, dict):
            return found
    raise RefusedError(400, f"Invalid filters metadata: {value}")


@router("GET", "/volumes/{volume_id}")
def show(world: World, _call: Call, volume_id: str) -> Answer:
    return Answer(200, {"volume": dict(volume_of(world, volume_id))})


@router("PUT", "/volumes/{volume_id}")
def update(world: World, call: Call, volume_id: str) -> Answer:
    volume, changes = volume_of(world, volume_id), call.document("volume")
    for name in ("name", "description", "metadata"):
        if name in changes:
            volume[name] = changes[name]
    return show(world, call, volume_id)


@router("POST", "/volumes/{volume_id}/metadata")
def add_metadata(world: World, call: Call, volume_id: str) -> Answer:
    volume = volume_of(world, volume_id)
    volume["metadata"] = volume["metadata"] | call.document("metadata")
    return Answer(200, {"metadata": volume["metadata"]})


@router("DELETE", "/volumes/{volume_id}")
def delete(world: World, _call: Call, volume_id: str) -> Answer:
    """Refused while anything holds it; one sentence for all of that."""
    volume = volume_of(world, volume_id)
    held = any(s["volume_id"] == volume_id for s in world.cinder.snapshots.values())
    if volume["status"] not in _DELETABLE or volume["attachments"] or held:
        raise RefusedError(400, _NOT_DELETABLE)
    volume["status"] = "deleting"
    lag = world.lag
    if lag.error is not None:
        world.after(0.4, lambda: volume.update(status="error_deleting"))
    else:
        gone = world.cinder.volumes
        world.after(0.4, lambda: forget(gone, volume_id), lag.seconds)
    return Answer(202)


@router("POST", "/volumes/{volume_id}/action")
def act(world: World, call: Call, volume_id: str) -> Answer:
    volume, body = volume_of(world, volume_id), call.document()
    if "os-extend" in body:
        return _extend(world, call, volume, body["os-extend"])
    if "os-reset_status" in body:
        raise RefusedError(
            403,
            "Policy doesn't allow volume_extension:volume_admin_actions:reset_status to be "
            "performed.",
        )
    if "os-detach" in body:
        raise RefusedError(500, _CLASH, "computeFault")
    raise RefusedError(400, f"There is no such action: {', '.join(body)}")


_CLASH: Final = "The server has either erred or is incapable of performing the requested operation."


def _extend(world: World, call: Call, volume: Document, wanted: Any) -> Answer:
    size, before = size_of(wanted), volume["status"]
    allowed = ("available", "in-use") if minor(call) >= 42 else ("available",)
    if before not in allowed:
        raise RefusedError(
            400,
            f"Invalid volume: Volume {volume['id']} status must be '{allowed[0]}' to extend, "
            f"currently {before}.",
        )
    if size <= volume["size"]:
        raise RefusedError(
            400,
            "Invalid input received: New size for extend must be greater than current size. "
            f"(current: {volume['size']}, extended: {size}).",
        )
    limits.within_quota(world, "gigabytes", size - volume["size"])
    volume["status"] = "extending"
    lag = world.lag
    ended = {"status": before, "size": size} if lag.error is None else {"status": "error_extending"}
    world.after(0.4, lambda: volume.update(ended), lag.seconds)
    return Answer(202)


@router("GET", "/attachments/{attachment_id}")
def show_attachment(world: World, _call: Call, attachment_id: str) -> Answer:
    for volume in world.cinder.volumes.values():
        for held in volume["attachments"]:
            if held["attachment_id"] == attachment_id:
                return Answer(200, {"attachment": held | {"status": "attached"}})
    raise RefusedError(
        404,
        f"Volume attachment could not be found with filter: attachment_id = {attachment_id}.",
    )


@router("DELETE", "/attachments/{attachment_id}")
def remove_attachment(_world: World, _call: Call, **_names: str) -> Answer:
    """Cinder would ask Nova in our name, which a credential's token does not allow."""
    raise RefusedError(500, _CLASH, "computeFault")


@router("GET", "/limits")
def show_limits(world: World, _call: Call) -> Answer:
    used, quotas = limits.usage(world), world.quotas
    absolute = {
        "maxTotalVolumes": quotas.volumes,
        "maxTotalSnapshots": quotas.snapshots,
        "maxTotalVolumeGigabytes": quotas.gigabytes,
        "maxTotalBackups": 10,
        "maxTotalBackupGigabytes": 1000,
        "totalVolumesUsed": used["volumes"],
        "totalSnapshotsUsed": used["snapshots"],
        "totalGigabytesUsed": used["gigabytes"],
        "totalBackupsUsed": 0,
        "totalBackupGigabytesUsed": 0,
    }
    return Answer(200, {"limits": {"rate": [], "absolute": absolute}})


@router("GET", "/types")
def types(_world: World, _call: Call) -> Answer:
    default = {"id": "default", "name": "__DEFAULT__", "is_public": True, "extra_specs": {}}
    return Answer(200, {"volume_types": [default]})

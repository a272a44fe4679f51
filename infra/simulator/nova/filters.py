"""Which servers a list is asked for."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from infra.simulator.calls import Call, RefusedError
from infra.simulator.nova.state import Server
from infra.simulator.world import World

_STATUSES: Final = {
    "ACTIVE",
    "BUILD",
    "ERROR",
    "SHUTOFF",
    "REBOOT",
    "HARD_REBOOT",
    "DELETED",
    "PAUSED",
    "SUSPENDED",
    "RESIZE",
    "VERIFY_RESIZE",
    "REBUILD",
    "PASSWORD",
    "MIGRATING",
    "RESCUE",
    "SHELVED",
    "SHELVED_OFFLOADED",
    "SOFT_DELETED",
    "REVERT_RESIZE",
    "UNKNOWN",
}
_PAGING: Final = {"limit", "marker", "sort_key", "sort_dir"}
_TAGS: Final = {"tags", "tags-any", "not-tags", "not-tags-any"}
_IGNORED: Final = {
    "all_tenants",
    "project_id",
    "tenant_id",
    "user_id",
    "changes-since",
    "changes-before",
    "deleted",
    "host",
    "node",
    "hostname",
    "locked",
    "reservation_id",
    "launch_index",
    "availability_zone",
    "config_drive",
    "description",
    "power_state",
    "launched_at",
    "terminated_at",
    "created_at",
    "progress",
    "root_device_name",
    "ip6",
    "soft_deleted",
    "access_ip_v4",
    "access_ip_v6",
    "auto_disk_config",
    "kernel_id",
    "ramdisk_id",
    "locked_by",
}
_USED: Final = {
    "name",
    "status",
    "vm_state",
    "task_state",
    "uuid",
    "image",
    "flavor",
    "key_name",
    "ip",
}


def matching(world: World, call: Call, servers: Iterable[Server], minor: int) -> Sequence[Server]:
    """The servers that meet all of the query. Raises RefusedError for what it does not know."""
    names = {name for name, _ in call.query}
    known = _PAGING | _IGNORED | _USED | (_TAGS if minor >= 26 else set())
    unknown = sorted(names - known)
    if unknown and minor >= 75:
        listed = ", ".join(repr(name) for name in unknown)
        verb = "does" if len(unknown) == 1 else "do"
        raise RefusedError(400, f"{listed} {verb} not match any of the regexes: '^_'")
    status = call.first("status")
    if status is not None and status.upper() not in _STATUSES:
        raise RefusedError(400, "Invalid status value")
    for name in ("name", "key_name", "ip"):
        _pattern(name, call.first(name))
    wanted = [(name, value) for name, value in call.query if name in known - _PAGING - _IGNORED]
    return [
        server
        for server in servers
        if server.status != "DELETED"
        and all(_meets(world, server, name, value) for name, value in wanted)
    ]


def _meets(world: World, server: Server, name: str, value: str) -> bool:
    if name in _TAGS:
        return _tagged(server, name, {tag for tag in value.split(",") if tag})
    match name:
        case "status":
            return server.status == value.upper()
        case "image":
            return server.image_id == value
        case "flavor":
            return server.flavor_id == value
        case "uuid":
            return server.id == value
        case "ip":
            ports = (world.neutron.ports.get(port, {}) for port in server.ports)
            fixed = [f["ip_address"] for port in ports for f in port.get("fixed_ips", ())]
            return any(re.search(value, address) for address in fixed)
        case "name" | "key_name":
            return _looks_like(value, getattr(server, name) or "")
        case _:
            return str(getattr(server, name)) == value


def _pattern(name: str, text: str | None) -> None:
    try:
        re.compile(text or "")
    except re.error:
        raise RefusedError(
            400,
            f"Invalid input for query parameters {name}. Value: {text}. '{text}' is not a 'regex'",
        ) from None


def _looks_like(pattern: str, text: str) -> bool:
    """Names are matched as patterns, anywhere and whatever their case, by the database."""
    return re.search(pattern, text, re.IGNORECASE) is not None


def _tagged(server: Server, name: str, tags: set[str]) -> bool:
    has = set(server.tags)
    match name:
        case "tags":
            return tags <= has
        case "tags-any":
            return bool(tags & has)
        case "not-tags":
            return not tags <= has
        case _:
            return not tags & has

"""Ports: made by us or by Nova, with their states."""

from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.neutron import addresses, association, listing
from infra.simulator.neutron.refusals import (
    found,
    fresh,
    only_known,
    required,
    stamps,
    touched,
    within_quota,
)
from infra.simulator.world import World

router = Router()
_CHANGED: Final = {
    "name",
    "description",
    "admin_state_up",
    "security_groups",
    "device_id",
    "device_owner",
    "fixed_ips",
    "port_security_enabled",
    "allowed_address_pairs",
    "dns_name",
    "extra_dhcp_opts",
}
_KNOWN: Final = _CHANGED | {
    "network_id",
    "mac_address",
    "tenant_id",
    "project_id",
    "binding:vnic_type",
}


def make(world: World, wanted: Document, groups: list[str] | None = None) -> Document:
    """A port with an address. Raises RefusedError."""
    network = found(world, "networks", wanted.get("network_id"))
    chosen = groups if groups is not None else [default_group(world)]
    for group in chosen:
        found(world, "groups", group)
    within_quota(world, "port", len(world.neutron.ports) + 1)
    fixed = addresses.allocate(world, network["id"], wanted.get("fixed_ips"))
    identifier = world.ids.dashed()
    parts = [identifier[i : i + 2] for i in (0, 2, 4)]
    port = stamps(world) | {
        "id": identifier,
        "name": "",
        "network_id": network["id"],
        "admin_state_up": True,
        "status": "DOWN",
        "mac_address": ":".join(["fa", "16", "3e", *parts]),
        "fixed_ips": fixed,
        "device_id": "",
        "device_owner": "",
        "security_groups": list(chosen),
        "port_security_enabled": True,
        "allowed_address_pairs": [],
        "extra_dhcp_opts": [],
        "binding:vnic_type": "normal",
        **{key: value for key, value in wanted.items() if key in ("name", "description")},
    }
    world.neutron.ports[identifier] = port
    return port


def default_group(world: World) -> str:
    """The id of the group that every project has."""
    groups = world.neutron.groups.values()
    return next(str(group["id"]) for group in groups if group["name"] == "default")


def bind(world: World, port: Document, server_id: str) -> None:
    """Put it on a server; an agent reports it up a moment later."""
    port |= {"device_id": server_id, "device_owner": "compute:nova", "status": "DOWN"}
    touched(world, port)
    lag = world.lag

    def up() -> None:
        if port["device_id"] == server_id and world.neutron.ports.get(port["id"]) is port:
            port["status"] = "ACTIVE" if lag.error is None else "ERROR"

    world.after(0.5, up, lag.seconds)


def unbind(world: World, port: Document) -> None:
    """Take it off its server; it stays, with its groups."""
    port |= {"device_id": "", "device_owner": "", "status": "DOWN"}
    touched(world, port)


def remove(world: World, port_id: str) -> None:
    """Let it go; a floating address that leads to it leads nowhere then."""
    if world.neutron.ports.pop(port_id, None) is not None:
        association.port_gone(world, port_id)


@router("POST", "/ports")
def create(world: World, call: Call) -> Answer:
    wanted = call.document("port")
    only_known(wanted, _KNOWN)
    required(wanted, "network_id")
    port = make(world, wanted, wanted.get("security_groups"))
    port |= {key: wanted[key] for key in ("device_id", "device_owner") if key in wanted}
    return Answer(201, {"port": dict(port)})


@router("GET", "/ports")
def listed(world: World, call: Call) -> Answer:
    return listing.answer(world, call, "ports", world.neutron.ports.values())


@router("GET", "/ports/{port_id}")
def show(world: World, _call: Call, port_id: str) -> Answer:
    return Answer(200, {"port": dict(found(world, "ports", port_id))})


@router("PUT", "/ports/{port_id}")
def update(world: World, call: Call, port_id: str) -> Answer:
    port, changes = found(world, "ports", port_id), call.document("port")
    fresh(port, call.headers)
    only_known(changes, _CHANGED)
    for group in changes.get("security_groups", ()):
        found(world, "groups", group)
    if "fixed_ips" in changes:
        changes["fixed_ips"] = _moved(world, port, changes["fixed_ips"])
    port |= changes
    touched(world, port)
    return show(world, call, port_id)


def _moved(world: World, port: Document, asked: Any) -> list[Document]:
    held, port["fixed_ips"] = port["fixed_ips"], []
    try:
        return addresses.allocate(world, port["network_id"], asked)
    finally:
        port["fixed_ips"] = held


@router("DELETE", "/ports/{port_id}")
def delete(world: World, call: Call, port_id: str) -> Answer:
    port = found(world, "ports", port_id)
    fresh(port, call.headers)
    if port["device_owner"].startswith("network:"):
        raise RefusedError(
            409,
            f"Port {port_id} cannot be deleted directly via the port API: has device owner "
            f"{port['device_owner']}.",
            "ServicePortInUse",
        )
    remove(world, port_id)
    server = world.nova.servers.get(port["device_id"])
    if server is not None:
        server.ports = [other for other in server.ports if other != port_id]
    return Answer(204)

"""Where a server would go: its quota, networks and security groups."""

from typing import Any
from uuid import UUID

from infra.simulator.calls import Document, RefusedError
from infra.simulator.nova.refusals import invalid
from infra.simulator.world import World


def within_quota(world: World, flavor_id: str, count: int) -> None:
    """Raises RefusedError with 403 where `count` more of the flavor are too many."""
    flavor = world.nova.flavors[flavor_id]
    wanted = {"instances": count, "cores": flavor["vcpus"] * count, "ram": flavor["ram"] * count}
    used = usage(world)
    over = [
        name
        for name, more in sorted(wanted.items())
        if not world.quotas.allows(name, used[name] + more)
    ]
    if over:
        names = ", ".join(over)
        requested = ", ".join(str(wanted[name]) for name in over)
        already = ", ".join(str(used[name]) for name in over)
        allowed = ", ".join(str(getattr(world.quotas, name)) for name in over)
        raise RefusedError(
            403,
            f"Quota exceeded for {names}: Requested {requested}, "
            f"but already used {already} of {allowed} {names}",
        )


def usage(world: World) -> dict[str, int]:
    """What the servers use, those in ERROR among them."""
    held = [server for server in world.nova.servers.values() if server.status != "DELETED"]
    flavors = [world.nova.flavors[server.flavor_id] for server in held]
    return {
        "instances": len(held),
        "cores": sum(flavor["vcpus"] for flavor in flavors),
        "ram": sum(flavor["ram"] for flavor in flavors),
    }


def networks(world: World, wanted: Any) -> list[Document]:
    """What to put the server on: entries with the id of a network or of a port. Raises
    RefusedError."""
    if wanted == "none":
        return []
    if wanted is None or wanted == "auto" or wanted == []:
        entries = _only_network(world)
    elif isinstance(wanted, list):
        entries = [_entry(world, entry) for entry in wanted]
    else:
        raise invalid("networks", wanted, f"{wanted!r} is not valid under any of the given schemas")
    _enough_ports(world, sum(1 for entry in entries if "port" not in entry))
    return entries


def _only_network(world: World) -> list[Document]:
    own = [n for n in world.neutron.networks.values() if not n["router:external"]]
    if len(own) > 1:
        raise RefusedError(
            409, "Multiple possible networks found, use a Network ID to be more specific."
        )
    return [{"uuid": network["id"]} for network in own]


def _entry(world: World, entry: Any) -> Document:
    if not isinstance(entry, dict) or not ({"uuid", "port"} & set(entry)):
        raise invalid("networks", entry, f"{entry!r} is not valid under any of the given schemas")
    if port_id := entry.get("port"):
        port = world.neutron.ports.get(port_id)
        if port is None:
            raise RefusedError(400, f"Port id {port_id} could not be found.")
        if port["device_id"]:
            raise RefusedError(409, f"Port {port_id} is still in use.")
        return {"port": port_id}
    network_id = str(entry["uuid"])
    try:
        UUID(network_id)
    except ValueError:
        reason = f"{[entry]} is not valid under any of the given schemas"
        raise invalid("networks", [entry], reason) from None
    if network_id not in world.neutron.networks:
        raise RefusedError(400, f"Network {network_id} could not be found.")
    return {"uuid": network_id, "fixed_ip": entry.get("fixed_ip")}


def _enough_ports(world: World, needed: int) -> None:
    defined = len(world.neutron.ports)
    if not needed or world.quotas.allows("port", defined + needed):
        return
    limit = world.quotas.port
    if defined > limit:
        raise RefusedError(
            403, f"The number of defined ports: {defined} is over the limit: {limit}"
        )
    raise RefusedError(403, "Maximum number of ports exceeded")


def groups(world: World, wanted: Any) -> list[str]:
    """The ids of security groups, named by id or by name. Raises RefusedError."""
    return [_group(world, str(entry.get("name", ""))) for entry in wanted]


def _group(world: World, name: str) -> str:
    known = world.neutron.groups
    if name in known:
        return name
    matches = [group["id"] for group in known.values() if group["name"] == name]
    if not matches:
        raise RefusedError(400, f"Unable to find security_group with name or id '{name}'")
    if len(matches) > 1:
        raise RefusedError(
            409, f"Multiple security groups found matching '{name}'. Use an ID to be more specific."
        )
    return str(matches[0])

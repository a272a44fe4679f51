"""Networks, their subnets, and the routers between them."""

from ipaddress import ip_network
from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.neutron import listing, ports
from infra.simulator.neutron.refusals import bad, found, only_known, stamps, within_quota
from infra.simulator.world import World

router = Router()
_OURS: Final = ("name", "description", "admin_state_up", "tenant_id", "project_id")
_SUBNET: Final = {
    *_OURS,
    "network_id",
    "cidr",
    "ip_version",
    "gateway_ip",
    "enable_dhcp",
    "dns_nameservers",
    "allocation_pools",
    "host_routes",
}


def make_network(world: World, name: str, *, external: bool = False) -> Document:
    """A network without subnets."""
    network = stamps(world) | {
        "id": world.ids.dashed(),
        "name": name,
        "admin_state_up": True,
        "status": "ACTIVE",
        "subnets": [],
        "shared": external,
        "router:external": external,
        "mtu": 1450,
        "port_security_enabled": True,
        "availability_zone_hints": [],
        "availability_zones": [],
    }
    world.neutron.networks[network["id"]] = network
    return network


def make_subnet(world: World, wanted: Document) -> Document:
    """A subnet with its pools. Raises RefusedError."""
    network = found(world, "networks", wanted.get("network_id"))
    try:
        block = ip_network(str(wanted.get("cidr")), strict=False)
    except ValueError:
        raise bad(
            f"Invalid input for cidr. Reason: '{wanted.get('cidr')}' is not a valid IP subnet."
        ) from None
    first, last = block[1], block[-2]
    subnet = stamps(world) | {
        "id": world.ids.dashed(),
        "name": "",
        "ip_version": block.version,
        "gateway_ip": str(first),
        "enable_dhcp": True,
        "dns_nameservers": [],
        "host_routes": [],
        "allocation_pools": [{"start": str(first + 1), "end": str(last)}],
        **wanted,
        "cidr": str(block),
    }
    world.neutron.subnets[subnet["id"]] = subnet
    network["subnets"].append(subnet["id"])
    return subnet


def make_router(world: World, name: str, gateway: Any) -> Document:
    """A router, with or without a way out."""
    made = stamps(world) | {
        "id": world.ids.dashed(),
        "name": name,
        "admin_state_up": True,
        "status": "ACTIVE",
        "external_gateway_info": gateway,
        "routes": [],
        "distributed": False,
        "ha": False,
        "availability_zones": [],
        "availability_zone_hints": [],
    }
    world.neutron.routers[made["id"]] = made
    return made


def connect(world: World, router_id: str, subnet_id: str) -> Document:
    """Give a subnet its gateway. Raises RefusedError."""
    subnet = found(world, "subnets", subnet_id)
    fixed = [{"subnet_id": subnet_id, "ip_address": subnet["gateway_ip"]}]
    port = ports.make(world, {"network_id": subnet["network_id"], "fixed_ips": fixed}, [])
    port |= {"device_id": router_id, "device_owner": "network:router_interface"}
    port["status"] = "ACTIVE"
    return port


@router("GET", "/networks")
def networks(world: World, call: Call) -> Answer:
    return listing.answer(world, call, "networks", world.neutron.networks.values())


@router("GET", "/networks/{network_id}")
def show_network(world: World, _call: Call, network_id: str) -> Answer:
    return Answer(200, {"network": dict(found(world, "networks", network_id))})


@router("POST", "/networks")
def create_network(world: World, call: Call) -> Answer:
    wanted = call.document("network")
    only_known(wanted, (*_OURS, "mtu", "port_security_enabled", "shared"))
    within_quota(world, "network", len(world.neutron.networks) + 1)
    network = make_network(world, str(wanted.get("name", "")))
    network["description"] = wanted.get("description", "")
    return Answer(201, {"network": dict(network)})


@router("DELETE", "/networks/{network_id}")
def delete_network(world: World, _call: Call, network_id: str) -> Answer:
    """With its subnets, unless there is a port."""
    network = found(world, "networks", network_id)
    if any(port["network_id"] == network_id for port in world.neutron.ports.values()):
        raise RefusedError(
            409,
            f"Unable to complete operation on network {network_id}. There are one or more "
            "ports still in use on the network.",
            "NetworkInUse",
        )
    for subnet_id in network["subnets"]:
        world.neutron.subnets.pop(subnet_id, None)
    del world.neutron.networks[network_id]
    return Answer(204)


@router("GET", "/subnets")
def subnets(world: World, call: Call) -> Answer:
    return listing.answer(world, call, "subnets", world.neutron.subnets.values())


@router("GET", "/subnets/{subnet_id}")
def show_subnet(world: World, _call: Call, subnet_id: str) -> Answer:
    return Answer(200, {"subnet": dict(found(world, "subnets", subnet_id))})


@router("POST", "/subnets")
def create_subnet(world: World, call: Call) -> Answer:
    wanted = call.document("subnet")
    only_known(wanted, _SUBNET)
    within_quota(world, "subnet", len(world.neutron.subnets) + 1)
    return Answer(201, {"subnet": dict(make_subnet(world, wanted))})


@router("DELETE", "/subnets/{subnet_id}")
def delete_subnet(world: World, _call: Call, subnet_id: str) -> Answer:
    subnet = found(world, "subnets", subnet_id)
    held = (fixed for port in world.neutron.ports.values() for fixed in port["fixed_ips"])
    if any(fixed["subnet_id"] == subnet_id for fixed in held):
        raise RefusedError(
            409,
            f"Unable to complete operation on subnet {subnet_id}: One or more ports have an "
            "IP allocation from this subnet.",
            "SubnetInUse",
        )
    world.neutron.networks[subnet["network_id"]]["subnets"].remove(subnet_id)
    del world.neutron.subnets[subnet_id]
    return Answer(204)


@router("GET", "/routers")
def routers(world: World, call: Call) -> Answer:
    return listing.answer(world, call, "routers", world.neutron.routers.values())


@router("GET", "/routers/{router_id}")
def show_router(world: World, _call: Call, router_id: str) -> Answer:
    return Answer(200, {"router": dict(found(world, "routers", router_id))})


@router("POST", "/routers")
def create_router(world: World, call: Call) -> Answer:
    wanted = call.document("router")
    only_known(wanted, (*_OURS, "external_gateway_info"))
    within_quota(world, "router", len(world.neutron.routers) + 1)
    made = make_router(world, str(wanted.get("name", "")), wanted.get("external_gateway_info"))
    return Answer(201, {"router": dict(made)})


@router("PUT", "/routers/{router_id}/add_router_interface")
def add_interface(world: World, call: Call, router_id: str) -> Answer:
    found(world, "routers", router_id)
    subnet_id = str(call.document().get("subnet_id"))
    port = connect(world, router_id, subnet_id)
    body = {"id": router_id, "subnet_id": subnet_id, "port_id": port["id"]}
    return Answer(200, body | {"subnet_ids": [subnet_id], "network_id": port["network_id"]})


@router("PUT", "/routers/{router_id}/remove_router_interface")
def remove_interface(world: World, call: Call, router_id: str) -> Answer:
    found(world, "routers", router_id)
    subnet_id = str(call.document().get("subnet_id"))
    for port in list(world.neutron.ports.values()):
        inside = any(fixed["subnet_id"] == subnet_id for fixed in port["fixed_ips"])
        if port["device_id"] == router_id and inside:
            ports.remove(world, port["id"])
            return Answer(200, {"id": router_id, "subnet_id": subnet_id, "port_id": port["id"]})
    raise RefusedError(
        404,
        f"Router {router_id} has no interface on subnet {subnet_id}",
        "RouterInterfaceNotFoundForSubnet",
    )


@router("DELETE", "/routers/{router_id}")
def delete_router(world: World, _call: Call, router_id: str) -> Answer:
    found(world, "routers", router_id)
    if any(port["device_id"] == router_id for port in world.neutron.ports.values()):
        raise RefusedError(409, f"Router {router_id} still has ports", "RouterInUse")
    del world.neutron.routers[router_id]
    return Answer(204)

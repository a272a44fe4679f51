"""Floating addresses."""

from typing import Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.neutron import addresses, association, listing
from infra.simulator.neutron.refusals import (
    bad,
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
_KNOWN: Final = {
    "floating_network_id",
    "port_id",
    "fixed_ip_address",
    "floating_ip_address",
    "subnet_id",
    "description",
    "tenant_id",
    "project_id",
    "dns_name",
    "dns_domain",
    "qos_policy_id",
}


@router("POST", "/floatingips")
def create(world: World, call: Call) -> Answer:
    """A new one, also at once on a port."""
    wanted = call.document("floatingip")
    only_known(wanted, _KNOWN)
    network = found(world, "networks", required(wanted, "floating_network_id"))
    if not network["router:external"]:
        raise bad(
            f"Bad floatingip request: Network {network['id']} is not a valid external network.",
            "BadRequest",
        )
    if wanted.get("floating_ip_address"):
        raise RefusedError(
            403,
            "(rule:create_floatingip and rule:create_floatingip:floating_ip_address) is "
            "disallowed by policy",
            "PolicyNotAuthorized",
        )
    within_quota(world, "floatingip", len(world.neutron.floating) + 1)
    target = _target(world, network["id"], wanted)
    address = stamps(world) | {
        "id": world.ids.dashed(),
        "floating_network_id": network["id"],
        "floating_ip_address": addresses.floating(world, network["id"]),
        "status": "DOWN",
        "dns_name": "",
        "dns_domain": "",
        "port_forwardings": [],
        "qos_policy_id": None,
        **target,
    }
    address["description"] = wanted.get("description", "")
    world.neutron.floating[address["id"]] = address
    if address["port_id"]:
        association.changed(world, address)
    return Answer(201, {"floatingip": dict(address)})


def _target(world: World, network_id: str, wanted: Document, own: str = "") -> Document:
    """Where it leads. Raises RefusedError where it cannot."""
    port_id = wanted.get("port_id")
    if port_id is None:
        nowhere = ("port_id", "fixed_ip_address", "router_id", "port_details")
        return dict.fromkeys(nowhere)
    port = found(world, "ports", port_id)
    for other in world.neutron.floating.values():
        if other["port_id"] == port_id and other["id"] != own:
            raise RefusedError(
                409,
                f"Cannot associate floating IP {wanted.get('floating_ip_address', '')} "
                f"({own}) with port {port_id} using fixed IP {other['fixed_ip_address']}, as that "
                f"fixed IP already has a floating IP on external network {network_id}.",
                "FloatingIPPortAlreadyAssociated",
            )
    if not port["fixed_ips"]:
        raise bad(f"Bad floatingip request: Port {port_id} has no fixed IP.", "BadRequest")
    fixed = port["fixed_ips"][0]
    return {
        "port_id": port_id,
        "fixed_ip_address": fixed["ip_address"],
        "router_id": _router(world, network_id, fixed["subnet_id"], str(port_id)),
        "port_details": {
            key: port[key]
            for key in ("name", "network_id", "mac_address", "status", "device_id", "device_owner")
        },
    }


def _router(world: World, network_id: str, subnet_id: str, port_id: str) -> str:
    for known in world.neutron.routers.values():
        gateway = known["external_gateway_info"] or {}
        inside = {
            fixed["subnet_id"]
            for port in world.neutron.ports.values()
            if port["device_id"] == known["id"]
            for fixed in port["fixed_ips"]
        }
        if gateway.get("network_id") == network_id and subnet_id in inside:
            return str(known["id"])
    raise RefusedError(
        404,
        f"External network {network_id} is not reachable from subnet {subnet_id}.  "
        f"Therefore, cannot associate Port {port_id} with a Floating IP.",
        "ExternalGatewayForFloatingIPNotFound",
    )


@router("GET", "/floatingips")
def listed(world: World, call: Call) -> Answer:
    return listing.answer(world, call, "floatingips", world.neutron.floating.values())


@router("GET", "/floatingips/{address_id}")
def show(world: World, _call: Call, address_id: str) -> Answer:
    return Answer(200, {"floatingip": dict(found(world, "floating", address_id))})


@router("PUT", "/floatingips/{address_id}")
def update(world: World, call: Call, address_id: str) -> Answer:
    """Lead it elsewhere or nowhere; the answer still says what its status was."""
    address, changes = found(world, "floating", address_id), call.document("floatingip")
    fresh(address, call.headers)
    only_known(changes, {"port_id", "fixed_ip_address", "description", "qos_policy_id"})
    moved = "port_id" in changes
    if moved:
        text = {"floating_ip_address": address["floating_ip_address"]}
        network_id = address["floating_network_id"]
        address |= _target(world, network_id, changes | text, address_id)
    address["description"] = changes.get("description", address["description"])
    touched(world, address)
    if moved:
        association.changed(world, address)
    return show(world, call, address_id)


@router("DELETE", "/floatingips/{address_id}")
def delete(world: World, call: Call, address_id: str) -> Answer:
    address = found(world, "floating", address_id)
    fresh(address, call.headers)
    del world.neutron.floating[address_id]
    address["port_id"] = None
    association.changed(world, address)
    return Answer(204)

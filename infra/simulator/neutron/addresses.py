"""Addresses: the next free one of a subnet."""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, summarize_address_range
from typing import Any

from infra.simulator.calls import Document, RefusedError
from infra.simulator.neutron.refusals import bad, found
from infra.simulator.world import World


def _subnets(world: World, network_id: str) -> list[Document]:
    return [s for s in world.neutron.subnets.values() if s["network_id"] == network_id]


def _taken(world: World, network_id: str) -> set[str]:
    ports = world.neutron.ports.values()
    fixed = {
        ip["ip_address"] for p in ports if p["network_id"] == network_id for ip in p["fixed_ips"]
    }
    floating = world.neutron.floating.values()
    return fixed | {
        ip["floating_ip_address"] for ip in floating if ip["floating_network_id"] == network_id
    }


def _free(subnet: Document, taken: set[str]) -> str | None:
    for pool in subnet["allocation_pools"]:
        first, last = IPv4Address(pool["start"]), IPv4Address(pool["end"])
        for block in summarize_address_range(first, last):
            for address in block:
                if str(address) not in taken:
                    return str(address)
    return None


def allocate(world: World, network_id: str, asked: Any = None) -> list[Document]:
    """The fixed addresses of a new port: those asked for, or the next free one. Raises
    RefusedError."""
    subnets = _subnets(world, network_id)
    if not subnets or asked == []:
        return []
    taken = _taken(world, network_id)
    if asked:
        return [_asked(world, network_id, subnets, taken, entry) for entry in asked]
    return [_any_of(network_id, subnets, taken)]


def _any_of(network_id: str, subnets: list[Document], taken: set[str]) -> Document:
    for subnet in subnets:
        address = _free(subnet, taken)
        if address is not None:
            return {"subnet_id": subnet["id"], "ip_address": address}
    raise RefusedError(
        409,
        f"No more IP addresses available on network {network_id}.",
        "IpAddressGenerationFailure",
    )


def _asked(
    world: World, network_id: str, subnets: list[Document], taken: set[str], entry: Document
) -> Document:
    if "subnet_id" in entry:
        subnet = found(world, "subnets", entry["subnet_id"])
        subnets = [s for s in subnets if s["id"] == subnet["id"]]
    address = entry.get("ip_address")
    if address is None:
        return _any_of(network_id, subnets, taken)
    try:
        wanted = IPv4Address(address)
    except AddressValueError:
        raise bad(
            f"Invalid input for fixed_ips. Reason: '{address}' is not a valid IP address."
        ) from None
    fitting = [s for s in subnets if wanted in IPv4Network(s["cidr"])]
    if not fitting:
        raise bad(
            f"IP address {address} is not a valid IP for any of the subnets on the specified "
            "network.",
            "InvalidIpForNetwork",
        )
    if address in taken:
        raise RefusedError(
            409,
            f"IP address {address} already allocated in subnet {fitting[0]['id']}",
            "IpAddressAlreadyAllocated",
        )
    return {"subnet_id": fitting[0]["id"], "ip_address": address}


def floating(world: World, network_id: str) -> str:
    """The next free address of an external network. Raises RefusedError."""
    try:
        return str(
            _any_of(network_id, _subnets(world, network_id), _taken(world, network_id))[
                "ip_address"
            ]
        )
    except RefusedError:
        raise RefusedError(
            409,
            f"No more IP addresses available on network {network_id}.",
            "IpAddressGenerationFailure",
        ) from None

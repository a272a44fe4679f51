"""Floating addresses and the ports they lead to; agents and Nova learn of it late."""

from infra.simulator.calls import Document
from infra.simulator.world import World


def changed(world: World, address: Document) -> None:
    """Have the agent report its status, and Nova show what Neutron knows already."""
    port_id, lag = address["port_id"], world.lag

    def reported() -> None:
        if address["port_id"] != port_id:
            return
        address["status"] = "ACTIVE" if port_id else "DOWN"
        if lag.error is not None:
            address["status"] = "ERROR"

    world.after(0.4, reported, lag.seconds)
    world.after(1.1, lambda: _noticed(world, address, port_id))


def _noticed(world: World, address: Document, port_id: str | None) -> None:
    """Nova reads what leads to its servers' ports, unless that has changed once more."""
    if address["port_id"] != port_id:
        return
    text = address["floating_ip_address"]
    for server in world.nova.servers.values():
        server.floating = {port: ip for port, ip in server.floating.items() if ip != text}
        if port_id is not None and port_id in server.ports:
            server.floating[port_id] = text


def port_gone(world: World, port_id: str) -> None:
    """A port has gone: the address stays the project's, says ACTIVE for a moment, then DOWN."""
    for address in world.neutron.floating.values():
        if address["port_id"] == port_id:
            address |= {"port_id": None, "fixed_ip_address": None, "router_id": None}
            address["port_details"] = None
            changed(world, address)

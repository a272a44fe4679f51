"""Things that are gone without anybody having asked: what an operator or a failure does."""

from typing import Any

from infra.simulator.nova.state import Server
from infra.simulator.world import World


def _collections(world: World) -> list[dict[str, Any]]:
    nova, neutron, cinder = world.nova, world.neutron, world.cinder
    return [
        nova.servers,
        neutron.ports,
        neutron.floating,
        neutron.rules,
        neutron.groups,
        neutron.networks,
        neutron.subnets,
        cinder.volumes,
        cinder.snapshots,
        world.recordsets,
        world.zones,
        world.secrets,
        world.images,
    ]


def known(world: World, identifier: str) -> bool:
    """Whether anything has this id."""
    return any(identifier in collection for collection in _collections(world))


def vanish(world: World, identifier: str) -> None:
    """Take it out, with what cannot be without it."""
    server = world.nova.servers.get(identifier)
    if server is not None:
        _release(world, server)
    for collection in _collections(world):
        collection.pop(identifier, None)
    for address in world.neutron.floating.values():
        if address["port_id"] == identifier:
            address |= {"port_id": None, "fixed_ip_address": None, "status": "DOWN"}
    rules = world.neutron.rules
    for rule_id in [r["id"] for r in rules.values() if r["security_group_id"] == identifier]:
        del rules[rule_id]


def _release(world: World, server: Server) -> None:
    for port_id in server.own_ports:
        world.neutron.ports.pop(port_id, None)
    for port_id in set(server.ports) - server.own_ports:
        if port := world.neutron.ports.get(port_id):
            port |= {"device_id": "", "device_owner": "", "status": "DOWN"}
    for held in server.attachments:
        if volume := world.cinder.volumes.get(held.volume_id):
            volume |= {"status": "available", "attach_status": "detached", "attachments": []}

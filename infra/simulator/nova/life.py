"""A server's way: how it is built, fails and goes, with the states one sees on it."""

from collections.abc import Callable
from typing import Final

from infra.simulator.calls import RefusedError
from infra.simulator.cinder import attaching
from infra.simulator.neutron import ports
from infra.simulator.nova import placing
from infra.simulator.nova.state import Server
from infra.simulator.world import Lag, World

_CONSOLE: Final = "FAKE CONSOLE OUTPUT\nANOTHER\nLAST LINE"
_NO_HOST: Final = "No valid host was found. "
_NO_NETWORK: Final = "Build of instance {} aborted: Failed to allocate the network(s), not "


def build(world: World, server: Server) -> None:
    """BUILD with its tasks, then ACTIVE or ERROR; also when it is told to go meanwhile."""
    lag = world.lag

    def wanted(event: Callable[[World, Server], None]) -> Callable[[], None]:
        def happen() -> None:
            there = world.nova.servers.get(server.id) is server
            if there and not server.deleting and server.status == "BUILD":
                event(world, server)

        return happen

    if lag.error is not None:
        world.after(0.5, wanted(lambda w, s: fail(w, s, lag.error or _NO_HOST)))
        return
    if not _fits(world):
        world.after(0.5, wanted(lambda w, s: fail(w, s, _NO_HOST)))
        return
    world.after(0.3, wanted(_scheduled))
    world.after(0.6, wanted(_on_networks))
    world.after(1.4, wanted(_spawning))
    world.after(2.4, wanted(_active), lag.seconds)


def _fits(world: World) -> bool:
    return world.quotas.allows("capacity_vcpus", placing.usage(world)["cores"])


def _scheduled(_world: World, server: Server) -> None:
    server.task_state = None


def _on_networks(world: World, server: Server) -> None:
    server.task_state = "networking"
    for entry in server.requested:
        try:
            port_id = entry.get("port") or _own_port(world, server, entry)
            ports.bind(world, world.neutron.ports[port_id], server.id)
        except (RefusedError, KeyError):
            fail(world, server, _NO_NETWORK.format(server.id) + "rescheduling.")
            return
        server.ports.append(port_id)


def _own_port(world: World, server: Server, entry: dict[str, str | None]) -> str:
    address = entry.get("fixed_ip")
    fixed = [{"ip_address": address}] if address else None
    groups = server.groups or None
    port = ports.make(world, {"network_id": entry["uuid"], "fixed_ips": fixed}, groups)
    server.own_ports.add(port["id"])
    return str(port["id"])


def _spawning(_world: World, server: Server) -> None:
    server.task_state = "spawning"


def _active(world: World, server: Server) -> None:
    server.status, server.vm_state, server.task_state = "ACTIVE", "active", None
    server.power_state = 1
    server.updated = world.schedule.moment()
    server.launched = world.schedule.moment("%Y-%m-%dT%H:%M:%S.000000")
    server.console = [_CONSOLE]


def fail(world: World, server: Server, message: str) -> None:
    """ERROR: it holds its quota still, and must be deleted."""
    _release_ports(world, server)
    server.status, server.vm_state, server.task_state = "ERROR", "error", None
    server.updated = world.schedule.moment()
    server.fault = {"code": 500, "created": server.updated, "message": message}


def _release_ports(world: World, server: Server) -> None:
    for port_id in server.ports:
        if port_id in server.own_ports:
            ports.remove(world, port_id)
        elif port_id in world.neutron.ports:
            ports.unbind(world, world.neutron.ports[port_id])
    server.ports, server.own_ports = [], set()


def delete(world: World, server: Server) -> None:
    """It stays readable for a while; one that was being built even says that it is ACTIVE."""
    lag, begun = world.lag, 0.0
    server.deleting, server.task_state = True, "deleting"
    if lag.error is not None:
        world.after(0.5, lambda: _stays(world, server, lag))
        return
    if server.status == "BUILD":
        begun = 0.8
        world.after(begun, lambda: _shows_active(server), lag.seconds)
    quick = 0.2 if server.status == "ERROR" else 1.0
    world.after(begun + 0.4 * quick, lambda: _release_volumes(world, server), lag.seconds)
    world.after(begun + 0.7 * quick, lambda: _release_ports(world, server), lag.seconds)
    world.after(begun + 1.2 * quick, lambda: _deleted(server), lag.seconds)
    world.after(begun + 1.4 * quick, lambda: _gone(world, server), lag.seconds)


def _stays(world: World, server: Server, lag: Lag) -> None:
    server.deleting = False
    fail(world, server, lag.error or "")


def _shows_active(server: Server) -> None:
    server.status, server.vm_state, server.task_state = "ACTIVE", "active", None


def _release_volumes(world: World, server: Server) -> None:
    for held in server.attachments:
        attaching.released(world, held.volume_id, delete=held.delete_on_termination)
    server.attachments = []


def _deleted(server: Server) -> None:
    server.status, server.vm_state, server.task_state = "DELETED", "deleted", None


def _gone(world: World, server: Server) -> None:
    if world.nova.servers.get(server.id) is server:
        del world.nova.servers[server.id]

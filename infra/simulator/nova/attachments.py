"""Volumes and ports on servers."""

from infra.simulator.calls import Answer, Call, RefusedError, Router
from infra.simulator.cinder import attaching
from infra.simulator.nova.refusals import found, invalid, not_locked
from infra.simulator.nova.state import Attachment, Server
from infra.simulator.nova.versions import minor
from infra.simulator.nova.views import attachment
from infra.simulator.world import World

router = Router()


@router("POST", "/servers/{server_id}/os-volume_attachments")
def attach(world: World, call: Call, server_id: str) -> Answer:
    """Answered before it is attached."""
    server, wanted = found(world, server_id), call.document("volumeAttachment")
    volume_id = wanted.get("volumeId")
    if not isinstance(volume_id, str):
        raise invalid("volumeAttachment", wanted, "'volumeId' is a required property")
    not_locked(server)
    if server.vm_state not in ("active", "stopped", "paused"):
        raise RefusedError(
            409,
            f"Cannot 'attach_volume' instance {server.id} while it is in "
            f"vm_state {server.vm_state}",
        )
    volume = world.cinder.volumes.get(volume_id)
    if volume is None:
        raise RefusedError(404, f"Volume {volume_id} could not be found.")
    attaching.reserve(volume)
    held = Attachment(
        id=world.ids.dashed(),
        volume_id=volume_id,
        device=f"/dev/vd{chr(ord('b') + len(server.attachments))}",
        delete_on_termination=bool(wanted.get("delete_on_termination", False)),
        tag=wanted.get("tag"),
    )
    server.attachments.append(held)
    attaching.attach(world, volume, server.id, held)
    return Answer(200, {"volumeAttachment": attachment(server, held, minor(call))})


@router("GET", "/servers/{server_id}/os-volume_attachments")
def listed(world: World, call: Call, server_id: str) -> Answer:
    server = found(world, server_id)
    shown = [attachment(server, held, minor(call)) for held in server.attachments]
    return Answer(200, {"volumeAttachments": shown})


@router("GET", "/servers/{server_id}/os-volume_attachments/{volume_id}")
def show(world: World, call: Call, server_id: str, volume_id: str) -> Answer:
    server = found(world, server_id)
    return Answer(
        200, {"volumeAttachment": attachment(server, _held(server, volume_id), minor(call))}
    )


def _held(server: Server, volume_id: str) -> Attachment:
    for held in server.attachments:
        if held.volume_id == volume_id:
            return held
    raise RefusedError(404, f"Instance {server.id} is not attached to volume {volume_id}")


@router("DELETE", "/servers/{server_id}/os-volume_attachments/{volume_id}")
def detach(world: World, _call: Call, server_id: str, volume_id: str) -> Answer:
    """Answered before it is detached; the volume is free a little before the list says so."""
    server = found(world, server_id)
    not_locked(server)
    volume = world.cinder.volumes.get(volume_id)
    if volume is None:
        raise RefusedError(404, f"Volume {volume_id} could not be found.")
    held = _held(server, volume_id)
    attaching.begin_detaching(volume)
    lag = world.lag
    world.after(0.6, lambda: attaching.detached(volume, failed=lag.error is not None), lag.seconds)
    if lag.error is None:
        world.after(0.8, lambda: _forget(server, held), lag.seconds)
    return Answer(202)


def _forget(server: Server, held: Attachment) -> None:
    server.attachments = [other for other in server.attachments if other is not held]


@router("GET", "/servers/{server_id}/os-interface")
def interfaces(world: World, _call: Call, server_id: str) -> Answer:
    ports = [world.neutron.ports.get(port_id) for port_id in found(world, server_id).ports]
    shown = [
        {
            "port_id": port["id"],
            "net_id": port["network_id"],
            "mac_addr": port["mac_address"],
            "fixed_ips": port["fixed_ips"],
            "port_state": port["status"],
        }
        for port in ports
        if port is not None
    ]
    return Answer(200, {"interfaceAttachments": shown})

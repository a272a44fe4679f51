"""A volume's way onto a server and off it, as Nova drives it."""

from typing import Final

from infra.simulator.calls import Document, RefusedError
from infra.simulator.nova.state import Attachment
from infra.simulator.world import World

_NOT_ATTACHED: Final = (
    "Invalid volume: Invalid input received: Invalid volume: Unable to detach volume. Volume "
    "status must be 'in-use' and attach_status must be 'attached' to detach."
)


def reserve(volume: Document) -> None:
    """Keep it for one server. Raises RefusedError with 400 where it is not free."""
    if volume["status"] not in ("available", "downloading"):
        raise RefusedError(
            400,
            f"Invalid volume: Volume {volume['id']} status must be available or downloading "
            f"to reserve, but the current status is {volume['status']}.",
        )
    volume["status"] = "reserved"


def attach(world: World, volume: Document, server_id: str, held: Attachment) -> None:
    """reserved, attaching, in-use; back to available where it fails."""
    lag = world.lag

    def attaching() -> None:
        if volume["status"] == "reserved":
            volume["status"] = "attaching"

    def attached() -> None:
        if volume["status"] != "attaching":
            return
        if lag.error is not None:
            volume["status"] = "available"
            _forget(world, server_id, held)
            return
        volume.update(status="in-use", attach_status="attached")
        volume["attachments"] = [_shown(world, volume, server_id, held)]

    world.after(0.2, attaching)
    world.after(0.6, attached, lag.seconds)


def _forget(world: World, server_id: str, held: Attachment) -> None:
    server = world.nova.servers.get(server_id)
    if server is not None:
        server.attachments = [other for other in server.attachments if other is not held]


def _shown(world: World, volume: Document, server_id: str, held: Attachment) -> Document:
    return {
        "id": volume["id"],
        "attachment_id": held.id,
        "volume_id": volume["id"],
        "server_id": server_id,
        "host_name": None,
        "device": held.device,
        "attached_at": world.schedule.moment("%Y-%m-%dT%H:%M:%S.000000"),
    }


def begin_detaching(volume: Document) -> None:
    """Raises RefusedError with 400 unless it is attached and settled."""
    if volume["status"] != "in-use":
        raise RefusedError(400, _NOT_ATTACHED)
    volume["status"] = "detaching"


def detached(volume: Document, *, failed: bool) -> None:
    """Free again, or attached as before."""
    if volume["status"] != "detaching":
        return
    if failed:
        volume["status"] = "in-use"
        return
    volume |= {"status": "available", "attach_status": "detached", "attachments": []}


def released(world: World, volume_id: str, *, delete: bool) -> None:
    """What becomes of a volume whose server goes."""
    volume = world.cinder.volumes.get(volume_id)
    if volume is None:
        return
    if delete:
        del world.cinder.volumes[volume_id]
        return
    volume |= {"status": "available", "attach_status": "detached", "attachments": []}

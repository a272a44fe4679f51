"""What a server can be told to do."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from infra.simulator.calls import Answer, Call, RefusedError, Router
from infra.simulator.nova.refusals import found, in_state, not_locked
from infra.simulator.nova.state import Server
from infra.simulator.nova.versions import minor
from infra.simulator.world import World

router = Router()
_POWERED_OFF: Final = 4


@router("POST", "/servers/{server_id}/action")
def act(world: World, call: Call, server_id: str) -> Answer:
    """One action by its name, the only key of the body."""
    server, body = found(world, server_id), call.document()
    if len(body) != 1:
        raise RefusedError(400, "There is no such action: " + ", ".join(body))
    name, value = next(iter(body.items()))
    if name in ("addFloatingIp", "removeFloatingIp") and minor(call) >= 44:
        raise RefusedError(404, "The resource could not be found.")
    action = _ACTIONS.get(name)
    if action is None:
        raise RefusedError(400, f"There is no such action: {name}")
    return action(world, call, server, value)


def _start(world: World, _call: Call, server: Server, _value: Any) -> Answer:
    in_state(server, "start", ("stopped",))
    server.task_state = "powering-on"
    world.after(0.8, lambda: _settle(world, server, "ACTIVE", "active", 1), world.lag.seconds)
    return Answer(202)


def _stop(world: World, _call: Call, server: Server, _value: Any) -> Answer:
    in_state(server, "stop", ("active",))
    server.task_state = "powering-off"
    world.after(
        0.8, lambda: _settle(world, server, "SHUTOFF", "stopped", _POWERED_OFF), world.lag.seconds
    )
    return Answer(202)


def _reboot(world: World, _call: Call, server: Server, value: Any) -> Answer:
    kind = value.get("type", "") if isinstance(value, dict) else ""
    if kind not in ("SOFT", "HARD"):
        raise RefusedError(
            400,
            f"Invalid input for field/attribute type. Value: {kind}. "
            f"{kind!r} is not one of ['HARD', 'Hard', 'hard', 'SOFT', 'Soft', 'soft']",
        )
    in_state(server, "reboot", ("active", "stopped") if kind == "HARD" else ("active",))
    hard = kind == "HARD"
    server.status = "HARD_REBOOT" if hard else "REBOOT"
    server.task_state = "rebooting_hard" if hard else "rebooting"
    world.after(0.8, lambda: _settle(world, server, "ACTIVE", "active", 1), world.lag.seconds)
    return Answer(202)


def _settle(world: World, server: Server, status: str, vm_state: str, power_state: int) -> None:
    if server.deleting or world.nova.servers.get(server.id) is not server:
        return
    server.status, server.vm_state, server.task_state = status, vm_state, None
    server.power_state, server.updated = power_state, world.schedule.moment()


def _lock(_world: World, _call: Call, server: Server, _value: Any) -> Answer:
    server.locked = True
    return Answer(202)


def _unlock(_world: World, _call: Call, server: Server, _value: Any) -> Answer:
    server.locked = False
    return Answer(202)


def _console(_world: World, _call: Call, server: Server, value: Any) -> Answer:
    if server.vm_state == "building":
        raise RefusedError(409, f"Instance {server.id} is not ready")
    text = "\n".join(server.console)
    length = value.get("length") if isinstance(value, dict) else None
    if length is not None and int(length) >= 0:
        text = "\n".join(text.splitlines()[-int(length) :]) if int(length) else ""
    return Answer(200, {"output": text})


def _image(world: World, call: Call, server: Server, value: Any) -> Answer:
    """An image from the server. It is queued at first."""
    not_locked(server)
    in_state(server, "createImage", ("active", "stopped"))
    image_id = world.ids.dashed()
    source = world.images.get(server.image_id, {})
    moment = world.schedule.moment()
    image = source | {
        "id": image_id,
        "name": str(value.get("name", "")),
        "status": "queued",
        "visibility": "private",
        "owner": world.project_id,
        "created_at": moment,
        "updated_at": moment,
        "file": f"/v2/images/{image_id}/file",
        "self": f"/v2/images/{image_id}",
        **{str(key): text for key, text in value.get("metadata", {}).items()},
    }
    world.images[image_id] = image
    lag = world.lag
    ended = "killed" if lag.error is not None else "active"
    world.after(0.5, lambda: image.update(status="saving"))
    world.after(1.5, lambda: image.update(status=ended), lag.seconds)
    if minor(call) >= 45:
        return Answer(202, {"image_id": image_id})
    return Answer(202, None, {"Location": f"{call.base}/image/v2/images/{image_id}"})


_ACTIONS: Final[Mapping[str, Callable[[World, Call, Server, Any], Answer]]] = {
    "os-start": _start,
    "os-stop": _stop,
    "reboot": _reboot,
    "lock": _lock,
    "unlock": _unlock,
    "os-getConsoleOutput": _console,
    "createImage": _image,
}

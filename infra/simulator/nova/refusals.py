"""What Nova says no with."""

from infra.simulator.calls import RefusedError
from infra.simulator.nova.state import Server
from infra.simulator.world import World


def found(world: World, server_id: str) -> Server:
    """The server. Raises RefusedError with 404."""
    server = world.nova.servers.get(server_id)
    if server is None:
        raise RefusedError(404, f"Instance {server_id} could not be found.")
    return server


def invalid(field: str, value: object, reason: str) -> RefusedError:
    """A field that cannot be. The value is in the sentence, as Nova has it."""
    return RefusedError(400, f"Invalid input for field/attribute {field}. Value: {value}. {reason}")


def not_locked(server: Server) -> None:
    """Raises RefusedError with 409 for a locked server."""
    if server.locked:
        raise RefusedError(409, f"Instance {server.id} is locked")


def in_state(server: Server, action: str, states: tuple[str, ...]) -> None:
    """Raises RefusedError with 409 unless the server is settled in one of the states."""
    not_locked(server)
    if server.vm_state not in states:
        attribute, state = "vm_state", server.vm_state
    elif server.task_state is not None:
        attribute, state = "task_state", server.task_state
    else:
        return
    raise RefusedError(
        409, f"Cannot '{action}' instance {server.id} while it is in {attribute} {state}"
    )

"""Servers: made, listed, read, changed and deleted."""

from typing import Final

from infra.simulator.calls import Answer, Call, RefusedError, Router
from infra.simulator.nova import creation, filters, life
from infra.simulator.nova.refusals import found, not_locked
from infra.simulator.nova.state import Server
from infra.simulator.nova.versions import minor
from infra.simulator.nova.views import brief, detailed, links
from infra.simulator.paging import Cut, linked, page
from infra.simulator.world import World

router = Router()
_PASSWORD: Final = "Zb7xNq4uWm2e"  # noqa: S105 - Nova hands one out; this opens nothing


@router("POST", "/servers")
def create(world: World, call: Call) -> Answer:
    """Accepted once it is valid; whether it is built shows later."""
    version = minor(call)
    accepted = creation.accepted(world, call.document("server"), version)
    for server in accepted:
        world.nova.servers[server.id] = server
        life.build(world, server)
    server = accepted[0]
    where = links(call, "servers", server.id)
    body = {
        "id": server.id,
        "links": where,
        "OS-DCF:diskConfig": "MANUAL",
        "adminPass": _PASSWORD,
        "security_groups": [{"name": name} for name in server.groups or ["default"]],
    }
    return Answer(202, {"server": body}, {"Location": str(where[0]["href"])})


@router("GET", "/servers")
def listed(world: World, call: Call) -> Answer:
    shown, marker = _page(world, call)
    servers = [brief(call, server) for server in shown]
    address = f"{call.base}/compute/v2.1/servers"
    return Answer(200, linked("servers", servers, address, call, marker))


@router("GET", "/servers/detail")
def listed_with_details(world: World, call: Call) -> Answer:
    shown, marker = _page(world, call)
    servers = [detailed(world, call, server, minor(call)) for server in shown]
    address = f"{call.base}/compute/v2.1/servers/detail"
    return Answer(200, linked("servers", servers, address, call, marker))


def _page(world: World, call: Call) -> tuple[list[Server], str | None]:
    newest_first = reversed(world.nova.servers.values())
    found_ones = filters.matching(world, call, newest_first, minor(call))
    cut = Cut(world.options.page_limit)
    return page(call, found_ones, cut, lambda server: server.id)


@router("GET", "/servers/{server_id}")
def show(world: World, call: Call, server_id: str) -> Answer:
    server = found(world, server_id)
    return Answer(200, {"server": detailed(world, call, server, minor(call))})


@router("PUT", "/servers/{server_id}")
def update(world: World, call: Call, server_id: str) -> Answer:
    server, changes = found(world, server_id), call.document("server")
    unknown = set(changes) - {"name", "description", "accessIPv4", "accessIPv6"}
    if unknown:
        raise RefusedError(
            400,
            "Additional properties are not allowed "
            f"({', '.join(repr(name) for name in sorted(unknown))} was unexpected)",
        )
    server.name = changes.get("name", server.name)
    server.description = changes.get("description", server.description)
    return show(world, call, server_id)


@router("DELETE", "/servers/{server_id}")
def delete(world: World, _call: Call, server_id: str) -> Answer:
    """Said once and again while it goes; only then it is unknown."""
    server = found(world, server_id)
    not_locked(server)
    if not server.deleting:
        life.delete(world, server)
    return Answer(204)

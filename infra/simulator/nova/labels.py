"""Tags and metadata of servers."""

import json
from typing import Final

from infra.simulator.calls import Answer, Call, RefusedError, Router
from infra.simulator.nova.creation import valid_tag
from infra.simulator.nova.refusals import found, invalid
from infra.simulator.world import World

router = Router()
_MOST_TAGS: Final = 50


@router("GET", "/servers/{server_id}/tags")
def tags(world: World, _call: Call, server_id: str) -> Answer:
    return Answer(200, {"tags": sorted(found(world, server_id).tags)})


@router("PUT", "/servers/{server_id}/tags")
def replace_tags(world: World, call: Call, server_id: str) -> Answer:
    server = found(world, server_id)
    wanted = json.loads(call.content or b"{}").get("tags", [])
    if len(wanted) > _MOST_TAGS:
        raise invalid("tags", wanted, f"{wanted!r} is too long")
    server.tags = sorted({valid_tag(tag) for tag in wanted})
    return Answer(200, {"tags": server.tags})


@router("PUT", "/servers/{server_id}/tags/{tag}")
def add_tag(world: World, call: Call, server_id: str, tag: str) -> Answer:
    server = found(world, server_id)
    if valid_tag(tag) in server.tags:
        return Answer(204)
    server.tags.append(tag)
    where = f"{call.base}/compute/v2.1/servers/{server_id}/tags/{tag}"
    return Answer(201, None, {"Location": where})


@router("GET", "/servers/{server_id}/tags/{tag}")
def has_tag(world: World, _call: Call, server_id: str, tag: str) -> Answer:
    if tag not in found(world, server_id).tags:
        raise RefusedError(404, f"Server {server_id} has no tag '{tag}'")
    return Answer(204)


@router("DELETE", "/servers/{server_id}/tags/{tag}")
def remove_tag(world: World, call: Call, server_id: str, tag: str) -> Answer:
    has_tag(world, call, server_id, tag)
    found(world, server_id).tags.remove(tag)
    return Answer(204)


@router("GET", "/servers/{server_id}/metadata")
def metadata(world: World, _call: Call, server_id: str) -> Answer:
    return Answer(200, {"metadata": dict(found(world, server_id).metadata)})


@router("POST", "/servers/{server_id}/metadata")
def add_metadata(world: World, call: Call, server_id: str) -> Answer:
    server = found(world, server_id)
    server.metadata |= {key: str(value) for key, value in call.document("metadata").items()}
    return Answer(200, {"metadata": dict(server.metadata)})


@router("PUT", "/servers/{server_id}/metadata")
def replace_metadata(world: World, call: Call, server_id: str) -> Answer:
    server = found(world, server_id)
    server.metadata = {key: str(value) for key, value in call.document("metadata").items()}
    return Answer(200, {"metadata": dict(server.metadata)})


@router("DELETE", "/servers/{server_id}/metadata/{key}")
def remove_metadata(world: World, _call: Call, server_id: str, key: str) -> Answer:
    server = found(world, server_id)
    if server.metadata.pop(key, None) is None:
        raise RefusedError(404, "Metadata item was not found")
    return Answer(204)

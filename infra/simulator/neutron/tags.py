"""Tags of everything that Neutron has."""

import json
from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.neutron.refusals import bad, touched
from infra.simulator.world import World

router = Router()
_KINDS: Final = {
    "networks": "networks",
    "subnets": "subnets",
    "routers": "routers",
    "ports": "ports",
    "security-groups": "groups",
    "floatingips": "floating",
}
_MOST: Final = 255


def _tagged(world: World, plural: str, identifier: str) -> Document:
    kind = _KINDS.get(plural)
    if kind is None:
        raise RefusedError(404, "The resource could not be found.", "HTTPNotFound")
    collection: dict[str, Document] = getattr(world.neutron, kind)
    if identifier not in collection:
        name = plural.replace("-", "_")
        raise RefusedError(
            404, f"Resource {name} {identifier} could not be found.", "TagResourceNotFound"
        )
    return collection[identifier]


def _valid(tag: Any) -> str:
    if not isinstance(tag, str) or not 0 < len(tag) <= _MOST:
        raise bad(f"Invalid input for tags. Reason: '{tag}' exceeds maximum length of {_MOST}.")
    return tag


@router("GET", "/{plural}/{identifier}/tags")
def tags(world: World, _call: Call, plural: str, identifier: str) -> Answer:
    return Answer(200, {"tags": list(_tagged(world, plural, identifier)["tags"])})


@router("PUT", "/{plural}/{identifier}/tags")
def replace(world: World, call: Call, plural: str, identifier: str) -> Answer:
    thing = _tagged(world, plural, identifier)
    wanted = json.loads(call.content or b"{}").get("tags", [])
    thing["tags"] = sorted({_valid(tag) for tag in wanted})
    touched(world, thing)
    return Answer(200, {"tags": list(thing["tags"])})


@router("PUT", "/{plural}/{identifier}/tags/{tag}")
def add(world: World, _call: Call, plural: str, identifier: str, tag: str) -> Answer:
    thing = _tagged(world, plural, identifier)
    thing["tags"] = sorted({*thing["tags"], _valid(tag)})
    touched(world, thing)
    return Answer(201)


@router("DELETE", "/{plural}/{identifier}/tags/{tag}")
def remove(world: World, _call: Call, plural: str, identifier: str, tag: str) -> Answer:
    thing = _tagged(world, plural, identifier)
    if tag not in thing["tags"]:
        raise RefusedError(404, f"Tag {tag} could not be found.", "TagNotFound")
    thing["tags"] = [other for other in thing["tags"] if other != tag]
    touched(world, thing)
    return Answer(204)

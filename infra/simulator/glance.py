"""Glance: images, the project's own and those of everybody."""

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.paging import Cut, following, page
from infra.simulator.world import World

router = Router()
_PAGING: Final = {"limit", "marker", "sort", "sort_key", "sort_dir", "member_status"}
_USUAL: Final = 25


def make(world: World, wanted: Mapping[str, Any], owner: str) -> Document:
    """An image without content."""
    identifier, moment = world.ids.dashed(), world.schedule.moment()
    image = {
        "name": None,
        "visibility": "shared",
        "protected": False,
        "os_hidden": False,
        "container_format": None,
        "disk_format": None,
        "min_disk": 0,
        "min_ram": 0,
        "tags": [],
        **wanted,
        "id": identifier,
        "status": "queued",
        "size": None,
        "virtual_size": None,
        "checksum": None,
        "os_hash_algo": None,
        "os_hash_value": None,
        "owner": owner,
        "created_at": moment,
        "updated_at": moment,
        "file": f"/v2/images/{identifier}/file",
        "self": f"/v2/images/{identifier}",
        "schema": "/v2/schemas/image",
    }
    world.images[identifier] = image
    return image


def _found(world: World, image_id: str) -> Document:
    image = world.images.get(image_id)
    if image is None:
        raise RefusedError(404, f"No image found with ID {image_id}")
    return image


@router("GET", "/images")
def listed(world: World, call: Call) -> Answer:
    """Any property filters: what no image has finds none."""
    wanted = [(name, value) for name, value in call.query if name not in _PAGING]
    newest_first = reversed(world.images.values())
    found = [i for i in newest_first if all(_meets(i, name, value) for name, value in wanted)]
    cut = Cut(world.options.page_limit, usual=min(_USUAL, world.options.page_limit))
    try:
        shown, marker = page(call, found, cut, lambda image: str(image["id"]))
    except RefusedError as refused:
        if "limit" in refused.message:
            raise
        raise RefusedError(400, f"No image found with ID {call.first('marker')}") from None
    first = f"/v2/images?{urlencode(call.query)}" if call.query else "/v2/images"
    body: Document = {"images": shown, "first": first, "schema": "/v2/schemas/images"}
    if marker is not None:
        body["next"] = f"/v2/images?{following(call, marker)}"
    return Answer(200, body)


def _meets(image: Document, name: str, value: str) -> bool:
    if name == "visibility" and value == "all":
        return True
    if name == "tag":
        return value in image["tags"]
    if name in ("name", "id", "status") and value.startswith("in:"):
        return str(image.get(name)) in value.removeprefix("in:").split(",")
    has = image.get(name)
    text = str(has).lower() if isinstance(has, bool) else str(has)
    return name in image and text == value


@router("POST", "/images")
def create(world: World, call: Call) -> Answer:
    image = make(world, call.document(), world.project_id)
    where = f"{call.base}/image/v2/images/{image['id']}"
    return Answer(201, dict(image), {"Location": where})


@router("GET", "/images/{image_id}")
def show(world: World, _call: Call, image_id: str) -> Answer:
    return Answer(200, dict(_found(world, image_id)))


@router("PUT", "/images/{image_id}/file")
def upload(world: World, call: Call, image_id: str) -> Answer:
    image = _found(world, image_id)
    if image["status"] != "queued":
        raise RefusedError(
            409, f"Image status transition from {image['status']} to saving is not allowed"
        )
    image |= {"status": "active", "size": len(call.content)}
    return Answer(204)


@router("PATCH", "/images/{image_id}")
def change(world: World, call: Call, image_id: str) -> Answer:
    image = _owned(world, image_id)
    for operation in json.loads(call.content or b"[]"):
        name = str(operation["path"]).removeprefix("/")
        if operation["op"] == "remove":
            image.pop(name, None)
        else:
            image[name] = operation["value"]
    return show(world, call, image_id)


def _owned(world: World, image_id: str) -> Document:
    image = _found(world, image_id)
    if image["owner"] != world.project_id:
        raise RefusedError(403, "You do not own this image")
    return image


@router("DELETE", "/images/{image_id}")
def delete(world: World, _call: Call, image_id: str) -> Answer:
    image = _owned(world, image_id)
    if image["protected"]:
        raise RefusedError(403, f"Image {image_id} is protected and cannot be deleted.")
    del world.images[image_id]
    return Answer(204)

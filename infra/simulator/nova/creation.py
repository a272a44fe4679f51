"""What a server must be to be accepted: all of it is checked before the answer."""

from typing import Any, Final
from uuid import UUID

from infra.simulator.calls import Document, RefusedError
from infra.simulator.nova import placing
from infra.simulator.nova.refusals import invalid
from infra.simulator.nova.state import Server
from infra.simulator.world import World

_FIELDS: Final = {
    "name",
    "imageRef",
    "flavorRef",
    "networks",
    "security_groups",
    "user_data",
    "config_drive",
    "metadata",
    "key_name",
    "availability_zone",
    "adminPass",
    "accessIPv4",
    "accessIPv6",
    "block_device_mapping_v2",
    "OS-DCF:diskConfig",
    "min_count",
    "max_count",
    "personality",
}
_NEWER: Final = {19: "description", 52: "tags", 63: "trusted_image_certificates", 74: "host"}
_USER_DATA: Final = 65535
_TAG, _TAGS = 60, 50


def accepted(world: World, wanted: Document, minor: int) -> list[Server]:
    """The servers that are built next. Raises RefusedError, and leaves nothing then."""
    _only_known(wanted, minor)
    _lengths(wanted)
    image_id, flavor_id = _image(world, wanted), _flavor(world, wanted)
    key_name = wanted.get("key_name")
    if key_name is not None and key_name not in world.nova.keypairs:
        raise RefusedError(400, "Invalid key_name provided.")
    _tags(wanted.get("tags", []))
    count = _count(wanted)
    placing.within_quota(world, flavor_id, count)
    requested = placing.networks(world, wanted.get("networks"))
    moment = world.schedule.moment()
    tags, metadata = list(wanted.get("tags", [])), _metadata(wanted.get("metadata", {}))
    groups = placing.groups(world, wanted.get("security_groups", []))
    return [
        Server(
            id=world.ids.dashed(),
            name=wanted["name"] if count == 1 else f"{wanted['name']}-{number}",
            image_id=image_id,
            flavor_id=flavor_id,
            created=moment,
            updated=moment,
            key_name=key_name,
            description=wanted.get("description"),
            user_data=wanted.get("user_data"),
            config_drive=bool(wanted.get("config_drive", False)),
            groups=list(groups),
            requested=requested,
            metadata=dict(metadata),
            tags=list(tags),
        )
        for number in range(1, count + 1)
    ]


def _count(wanted: Document) -> int:
    least = int(wanted.get("min_count") or 1)
    most = int(wanted.get("max_count") or least)
    if least > most:
        raise RefusedError(400, "min_count must be <= max_count")
    return most


def _only_known(wanted: Document, minor: int) -> None:
    for name in ("name", "flavorRef", *(["networks"] if minor >= 37 else [])):
        if name not in wanted:
            raise invalid("server", wanted, f"'{name}' is a required property")
    known = _FIELDS | {name for since, name in _NEWER.items() if minor >= since}
    unknown = [name for name in wanted if name not in known and not name.startswith("os:")]
    if unknown:
        listed = ", ".join(repr(name) for name in unknown)
        raise RefusedError(
            400,
            f"Invalid input for field/attribute server. Value: {wanted}. "
            f"Additional properties are not allowed ({listed} was unexpected)",
        )


def _lengths(wanted: Document) -> None:
    name, user_data = wanted["name"], wanted.get("user_data")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 255:
        raise invalid("name", name, f"{name!r} is too {'long' if name else 'short'}")
    if user_data is not None and (not isinstance(user_data, str) or len(user_data) > _USER_DATA):
        raise invalid("user_data", user_data, f"{user_data!r} is too long")


def _image(world: World, wanted: Document) -> str:
    if not wanted.get("imageRef"):
        raise RefusedError(400, "Missing imageRef attribute")
    image_id = str(wanted["imageRef"])
    try:
        UUID(image_id)
    except ValueError:
        reason = f"{image_id!r} is not valid under any of the given schemas"
        raise invalid("imageRef", image_id, reason) from None
    if wanted.get("availability_zone") not in (None, "nova"):
        raise RefusedError(400, "The requested availability zone is not available")
    image = world.images.get(image_id)
    if image is None:
        raise RefusedError(400, "Can not find requested image")
    if image["status"] != "active":
        raise RefusedError(400, f"Image {image_id} is not active.")
    return image_id


def _flavor(world: World, wanted: Document) -> str:
    flavor_id = str(wanted["flavorRef"]).rpartition("/")[2]
    if flavor_id not in world.nova.flavors:
        raise RefusedError(400, f"Flavor {flavor_id} could not be found.")
    return flavor_id


def _metadata(wanted: Any) -> dict[str, str]:
    if not isinstance(wanted, dict):
        raise invalid("metadata", wanted, f"{wanted!r} is not of type 'object'")
    for key, value in wanted.items():
        if not isinstance(value, str):
            raise invalid(key, value, f"{value!r} is not of type 'string'")
        if len(value) > 255 or not 0 < len(key) <= 255:
            raise invalid(key, value, f"{value!r} is too long")
    return dict(wanted)


def _tags(tags: Any) -> None:
    if not isinstance(tags, list) or len(tags) > _TAGS:
        raise invalid("tags", tags, f"{tags!r} is too long")
    for place, tag in enumerate(tags):
        valid_tag(tag, str(place))


def valid_tag(tag: Any, field: str = "tag") -> str:
    """A tag. Raises RefusedError for one that cannot be."""
    if not isinstance(tag, str) or not 0 < len(tag) <= _TAG or set(tag) & {"/", ","}:
        raise invalid(field, tag, f"{tag!r} does not match '^[^,/]*$'")
    return tag

"""Glance: the images that servers start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import IMAGE
from shared.adapters.openstack.session import Session
from shared.domain.errors import NotFound


@dataclass(frozen=True, slots=True)
class ServerImage:
    """Only an active one starts servers. `min_disk_gb` and `min_memory_mb` are what it needs."""

    id: str
    name: str
    status: str
    min_disk_gb: int
    min_memory_mb: int
    created: str


class Glance:
    """Images we may use."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, name: str | None = None) -> Sequence[ServerImage]:
        """Those with that name, or all, the newest first."""
        params = {"name": name} if name else None
        found = items(self._session, IMAGE, "/images", "images", what="the images", params=params)
        images = [_image(document) for document in found]
        mine = [image for image in images if name in {None, image.name}]
        return sorted(mine, key=lambda image: (image.created, image.id), reverse=True)

    def image(self, name: str) -> ServerImage:
        """The newest active one with that name, or the one with that id. Raises NotFound."""
        active = [image for image in self.find(name) if image.status == "active"]
        if active:
            return active[0]
        path = f"/images/{quote(name, safe='')}"
        image = _image(self._session.document(IMAGE, "GET", path, what=f"image {name}"))
        if image.status != "active":
            raise NotFound(f"image {image.id} is {image.status}: wait until it is active")
        return image


def _image(document: Mapping[str, Any]) -> ServerImage:
    return ServerImage(
        id=document["id"],
        name=document.get("name") or "",
        status=document["status"],
        min_disk_gb=document["min_disk"],
        min_memory_mb=document["min_ram"],
        created=document["created_at"],
    )

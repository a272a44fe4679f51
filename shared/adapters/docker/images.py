"""Images in the engine's own store, and the room they take."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from shared.adapters.docker.engine import Engine, translated
from shared.adapters.docker.pulling import PullPolicy, pull
from shared.domain.errors import ImageNotFound, Invalid, NotFound
from shared.ports.compute import DiskUsage, ImageFacts, StoredImage


class DockerImages:
    """The Images port."""

    def __init__(self, engine: Engine, pulls: PullPolicy = PullPolicy()) -> None:
        self._engine = engine
        self._pulls = pulls

    def exists(self, reference: str) -> bool:
        try:
            with translated(f"image {reference}"):
                # The SDK's stubs leave this one untyped.
                self._engine.api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except (ImageNotFound, NotFound):
            return False
        return True

    def ensure(self, reference: str) -> ImageFacts:
        facts = self._facts(reference)
        if facts is None and reference.startswith("sha256:"):
            raise ImageNotFound(f"the image {reference} is not stored here: build it again")
        if facts is None:
            pull(self._engine, reference, self._pulls)
            facts = self._facts(reference)
        if facts is None:
            raise ImageNotFound(f"the image {reference} was pulled and is gone again: try again")
        return facts

    def _facts(self, reference: str) -> ImageFacts | None:
        try:
            with translated(f"image {reference}"):
                found = self._engine.api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except (ImageNotFound, NotFound):
            return None
        except Invalid as error:
            raise ImageNotFound(
                f"{reference} does not name an image: write it as host/name:tag"
            ) from error
        exposed = found.get("Config", {}).get("ExposedPorts") or {}
        ports = sorted(int(port.split("/")[0]) for port in exposed if port.endswith("/tcp"))
        return ImageFacts(str(found["Id"]), ports[0] if ports else None, int(found["Size"]))

    def tag(self, reference: str, name: str) -> None:
        repository, _, tag = name.rpartition(":")
        with translated(f"image {reference}"):
            self._engine.api.tag(reference, repository, tag)

    def remove_image(self, reference: str) -> None:
        try:
            with translated(f"image {reference}"):
                self._engine.slow_api.remove_image(reference)
        except (ImageNotFound, NotFound):
            return

    def list_images(self, prefix: str) -> Sequence[StoredImage]:
        with translated("the engine's images"):
            listed = self._engine.api.images()
        found = [image for image in map(_stored, listed) if _named(image, prefix)]
        return sorted(found, key=lambda image: image.created_at)

    def prune_build_cache(self, *, keep_bytes: int, unused_for: timedelta | None = None) -> int:
        filters: dict[str, Any] | None = None
        if unused_for is not None:
            filters = {"until": f"{int(unused_for.total_seconds())}s"}
        with translated("the engine's build cache"):
            pruned = self._engine.slow_api.prune_builds(
                filters=cast(Any, filters), keep_storage=keep_bytes, all=True
            )
        return int(pruned.get("SpaceReclaimed") or 0)

    def disk_usage(self) -> DiskUsage:
        with translated("the engine's disk usage"):
            used = self._engine.slow_api.df()
            root = Path(self._engine.api.info()["DockerRootDir"])
            disk = shutil.disk_usage(root) if root.exists() else None
        return DiskUsage(
            images=int(used.get("LayersSize") or 0),
            instances=_total(used, "Containers", "SizeRw"),
            volumes=sum((v.get("UsageData") or {}).get("Size", 0) for v in used["Volumes"] or []),
            build_cache=_total(used, "BuildCache", "Size", but="Shared"),
            free=disk.free if disk else None,
            total=disk.total if disk else None,
        )


def _stored(listed: Mapping[str, Any]) -> StoredImage:
    return StoredImage(
        image_id=str(listed["Id"]),
        references=tuple(listed.get("RepoTags") or ()),
        size_bytes=int(listed["Size"]),
        created_at=datetime.fromtimestamp(listed["Created"], UTC),
    )


def _named(image: StoredImage, prefix: str) -> bool:
    return any(reference.startswith(prefix) for reference in image.references)


def _total(used: Mapping[str, Any], kind: str, size: str, but: str = "") -> int:
    """The sum over one kind; what carries the flag `but` is counted elsewhere."""
    return sum(int(item.get(size) or 0) for item in used.get(kind) or [] if not item.get(but))

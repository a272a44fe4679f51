"""Volumes in the engine's own store."""

from collections.abc import Mapping
from uuid import UUID

from shared.adapters.docker.engine import Engine, translated
from shared.domain.errors import NotFound


class DockerVolumes:
    """The Volumes port. The engine makes a volume of one name once; it has no size limit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create_volume(self, volume_id: UUID, tags: Mapping[str, str]) -> str:
        labels = self._engine.labels({**tags, "volume": str(volume_id)})
        with translated(f"volume {volume_id}"):
            made = self._engine.api.create_volume(f"c2d-{volume_id}", labels=labels)
        return str(made["Name"])

    def remove_volume(self, provider_id: str) -> None:
        try:
            with translated(f"volume {provider_id}"):
                self._engine.api.remove_volume(provider_id)
        except NotFound:
            return

"""Instances as hardened containers."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.adapters.docker.container import container_config, name_of
from shared.adapters.docker.engine import Engine, read_tags, translated
from shared.adapters.docker.names import DockerNames
from shared.adapters.docker.networks import DockerNetworks
from shared.adapters.docker.output import read_output
from shared.adapters.docker.reports import (
    instance_object,
    instance_status,
    network_object,
    volume_object,
)
from shared.domain.errors import (
    Conflict,
    ImageNotFound,
    InstanceFailed,
    Invalid,
    NotFound,
    Transient,
)
from shared.ports.compute import (
    InstanceKind,
    InstanceSpec,
    InstanceState,
    InstanceStatus,
    OutputLine,
    ProviderObject,
)

_SETTLE_SECONDS = 5.0
_ADDRESS_SECONDS = 3.0
_POLL_SECONDS = 0.05
_ENDING = {"removing", "dead"}


class DockerCompute:
    """The Compute port. Restarts belong to the platform: the engine's own policy is off."""

    def __init__(self, engine: Engine, networks: DockerNetworks, names: DockerNames) -> None:
        self._engine = engine
        self._networks = networks
        self._names = names

    def create(self, spec: InstanceSpec) -> str:
        """The name is unique by instance, so a search is needed only when it is taken."""
        self._require_volumes(spec)
        self._networks.ensure_network(spec.project_id)
        network = self._networks.name(spec.project_id)
        config = container_config(spec, self._engine, network)
        made = self._create_once(config, spec)
        if spec.kind is not InstanceKind.SERVICE or self._names.has_neighbours(
            spec.project_id, spec.service_id
        ):
            self._names.join(made, spec.project_id)
        return made

    def _create_once(self, config: dict[str, Any], spec: InstanceSpec) -> str:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while True:
            try:
                return self._create(config, spec)
            except (Conflict, ImageNotFound) as error:
                earlier = self._made_earlier(spec)
                if earlier is not None:
                    return earlier
                if isinstance(error, ImageNotFound) or time.monotonic() > deadline:
                    raise
            # The name is held by a create or a removal that is still under way.
            time.sleep(_POLL_SECONDS)

    def start(self, provider_id: str) -> None:
        to_join = self._names.release_address(provider_id)
        try:
            self._start(provider_id)
        except NotFound:
            # Either it is gone, or the network it was on was pruned while it stood still.
            self._reattach(provider_id)
            self._start(provider_id)
        if to_join is not None:
            self._names.join(provider_id, to_join)

    def stop(self, provider_id: str, grace_seconds: int) -> None:
        try:
            with translated(f"instance {provider_id[:12]}"):
                self._engine.api.stop(provider_id, timeout=grace_seconds)
        except NotFound:
            return

    def remove(self, provider_id: str) -> None:
        try:
            with translated(f"instance {provider_id[:12]}"):
                self._engine.api.remove_container(provider_id, force=True, v=True)
        except NotFound:
            return
        except Conflict:
            # Somebody else's removal is under way: this one is done when that is.
            self._wait_until_missing(provider_id)

    def status(self, provider_id: str) -> InstanceStatus:
        try:
            return instance_status(self._inspect(provider_id))
        except NotFound:
            return InstanceStatus(provider_id, InstanceState.MISSING)

    def find(self, tags: Mapping[str, str]) -> Sequence[ProviderObject]:
        wanted: dict[str, Any] = {"label": self._engine.label_filter(tags)}
        with translated("the engine's objects"):
            api = self._engine.api
            containers = api.containers(all=True, filters=wanted)
            networks = api.networks(filters=wanted)
            volumes = api.volumes(filters=wanted)["Volumes"] or []
        return [
            *map(instance_object, containers),
            *map(network_object, networks),
            *map(volume_object, volumes),
        ]

    def logs(
        self, provider_id: str, tail: int, since: datetime | None = None
    ) -> Sequence[OutputLine]:
        return read_output(self._engine, provider_id, tail, since)

    def _create(self, config: dict[str, Any], spec: InstanceSpec) -> str:
        with translated(_subject(spec)):
            create: Any = self._engine.api.create_container_from_config
            return str(create(config, name_of(spec))["Id"])

    def _start(self, provider_id: str) -> None:
        """The engine gives a stopped container's address back a moment after it said stopped."""
        deadline = time.monotonic() + _ADDRESS_SECONDS
        while True:
            try:
                with translated(f"instance {provider_id[:12]}"):
                    self._engine.api.start(provider_id)
            except Invalid as error:
                raise InstanceFailed(error.reason) from error
            except Conflict:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)
            else:
                return

    def _made_earlier(self, spec: InstanceSpec) -> str | None:
        wanted = self._engine.label_filter({"instance": str(spec.instance_id)})
        with translated(_subject(spec)):
            found = self._engine.api.containers(all=True, filters={"label": wanted})
        standing = [c for c in found if c["State"] not in _ENDING]
        return str(standing[0]["Id"]) if standing else None

    def _require_volumes(self, spec: InstanceSpec) -> None:
        """The engine would silently make an empty volume in place of a missing one."""
        for mount in spec.volumes:
            with translated(f"volume {mount.provider_id}"):
                self._engine.api.inspect_volume(mount.provider_id)

    def _reattach(self, provider_id: str) -> None:
        """Put a standing container on its project's network again. Raises NotFound without one."""
        found = self._inspect(provider_id)
        project = UUID(read_tags(found["Config"]["Labels"])["project"])
        self._networks.ensure_network(project)
        name = self._networks.name(project)
        attached = found["NetworkSettings"]["Networks"].get(name) or {}
        with translated(f"instance {provider_id[:12]}"):
            api = self._engine.api
            api.disconnect_container_from_network(provider_id, name, force=True)
            api.connect_container_to_network(provider_id, name, aliases=attached.get("Aliases"))
        self._names.rejoin(provider_id, project)

    def _inspect(self, provider_id: str) -> dict[str, Any]:
        with translated(f"instance {provider_id[:12]}"):
            return dict(self._engine.api.inspect_container(provider_id))

    def _wait_until_missing(self, provider_id: str) -> None:
        deadline = time.monotonic() + _SETTLE_SECONDS
        while self.status(provider_id).state is not InstanceState.MISSING:
            if time.monotonic() > deadline:
                raise Transient(f"instance {provider_id[:12]} is being removed and is still there")
            time.sleep(_POLL_SECONDS)


def _subject(spec: InstanceSpec) -> str:
    return f"instance {spec.instance_id}"

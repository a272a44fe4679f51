"""A service's name inside its project: an alias of the one instance that serves.

Every instance is on the project's names network, or it could not ask for names; only the one that
serves has an alias there. One that has nobody to ask joins while it starts up: a second network
makes a start slower. The engine gives an endpoint its aliases once, so a change takes it off
the network and puts it back, under the same address: connections over it outlive that.
"""

from contextlib import suppress
from threading import Lock
from typing import Any
from uuid import UUID

from shared.adapters.docker.engine import Engine, read_tags, translated
from shared.adapters.docker.networks import DockerNetworks
from shared.domain.errors import Conflict, NotFound


class DockerNames:
    """The Names port."""

    def __init__(self, engine: Engine, networks: DockerNetworks) -> None:
        self._engine = engine
        self._networks = networks
        self._changing = Lock()

    def join(self, provider_id: str, project_id: UUID) -> None:
        """Let the instance ask for names; one that is on the network stays as it is."""
        self._networks.ensure_names(project_id)
        # Refused where an earlier try has done it.
        with suppress(Conflict):
            self._connect(provider_id, project_id, [])

    def has_neighbours(self, project_id: UUID, service_id: UUID) -> bool:
        """Whether another service of the project has an instance, in whatever state."""
        wanted = self._engine.label_filter({"project": str(project_id)})
        with translated(f"the instances of project {project_id}"):
            found = self._engine.api.containers(all=True, filters={"label": wanted})
        return any(read_tags(c["Labels"]).get("service") != str(service_id) for c in found)

    def publish_name(self, provider_id: str, project_id: UUID, name: str) -> None:
        self._give(provider_id, project_id, [name])

    def withdraw_name(self, provider_id: str, project_id: UUID) -> None:
        try:
            self._give(provider_id, project_id, [])
        except NotFound:
            return

    def rejoin(self, provider_id: str, project_id: UUID) -> None:
        """Join anew with the aliases it had: whatever address is free, and a network that is."""
        with self._changing:
            endpoint = self._endpoint(provider_id, project_id) or {}
            self._networks.ensure_names(project_id)
            self._disconnect(provider_id, project_id)
            self._connect(provider_id, project_id, _aliases(endpoint, provider_id))

    def release_address(self, provider_id: str) -> UUID | None:
        """Before a start: an address held only while it ran may be somebody else's by now.

        Returns the project whose names network the instance has still to join, if it has.
        """
        found = self._inspect(provider_id)
        project_id = UUID(read_tags(found["Config"]["Labels"])["project"])
        endpoint = _attached(found, self._networks.names(project_id))
        if endpoint is None:
            return project_id
        pinned = (endpoint.get("IPAMConfig") or {}).get("IPv4Address")
        if pinned and not found["State"]["Running"]:
            self.rejoin(provider_id, project_id)
        return None

    def _give(self, provider_id: str, project_id: UUID, names: list[str]) -> None:
        with self._changing:
            endpoint = self._endpoint(provider_id, project_id)
            if endpoint is not None and _aliases(endpoint, provider_id) == names:
                return
            self._networks.ensure_names(project_id)
            self._disconnect(provider_id, project_id)
            address = (endpoint or {}).get("IPAddress") or None
            try:
                self._connect(provider_id, project_id, names, address)
            except Conflict:
                # Somebody who started just now was given the address.
                self._connect(provider_id, project_id, names)

    def _endpoint(self, provider_id: str, project_id: UUID) -> dict[str, Any] | None:
        return _attached(self._inspect(provider_id), self._networks.names(project_id))

    def _inspect(self, provider_id: str) -> dict[str, Any]:
        with translated(f"instance {provider_id[:12]}"):
            return dict(self._engine.api.inspect_container(provider_id))

    def _connect(
        self, provider_id: str, project_id: UUID, names: list[str], address: str | None = None
    ) -> None:
        with translated(f"instance {provider_id[:12]}"):
            self._engine.api.connect_container_to_network(
                provider_id,
                self._networks.names(project_id),
                aliases=names or None,
                ipv4_address=address,
            )

    def _disconnect(self, provider_id: str, project_id: UUID) -> None:
        network = self._networks.names(project_id)
        try:
            with translated(f"instance {provider_id[:12]}"):
                self._engine.api.disconnect_container_from_network(provider_id, network, force=True)
        except (Conflict, NotFound):
            return


def _attached(found: dict[str, Any], network: str) -> dict[str, Any] | None:
    endpoint = found["NetworkSettings"]["Networks"].get(network)
    return None if endpoint is None else dict(endpoint)


def _aliases(endpoint: dict[str, Any], provider_id: str) -> list[str]:
    """Those that were asked for: the engine adds the container's short id itself."""
    return [name for name in endpoint.get("Aliases") or [] if not provider_id.startswith(name)]

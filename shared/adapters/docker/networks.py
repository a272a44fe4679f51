"""Two bridges per project, each on a block of the configured pool that nothing else uses."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import UUID

from docker.types import IPAMConfig, IPAMPool

from shared.adapters.docker.engine import Engine, translated
from shared.domain.errors import Conflict, NotFound, QuotaExceeded, Transient

BRIDGE_PREFIX = "c2d"
_NAMES = "names"
_DEADLINE_SECONDS = 20.0
_POLL_SECONDS = 0.05


def host_routes() -> list[IPv4Network]:
    """What this machine routes already, the default route apart. Empty where it cannot be seen."""
    table = Path("/proc/net/route")
    if not table.exists():
        return []
    found = []
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        destination, mask = _little_endian(fields[1]), _little_endian(fields[7])
        if int(mask):
            found.append(IPv4Network(f"{destination}/{mask}"))
    return found


class DockerNetworks:
    """The Networks port. Names and bridges follow from the project's id, so each is there once.

    The second network carries the names of services (see `DockerNames`). It is internal: the
    way out and the published port of an instance stay with the first one. The engine lets two
    networks share a name but not a bridge: of concurrent creates one wins and the others find
    what it made.
    """

    def __init__(
        self, engine: Engine, routes: Callable[[], Iterable[IPv4Network]] = host_routes
    ) -> None:
        self._engine = engine
        self._routes = routes
        self._allocating = Lock()

    def name(self, project_id: UUID) -> str:
        return f"c2d-{self._key(project_id)}"

    def bridge(self, project_id: UUID) -> str:
        """The interface's name, 15 characters, which firewall rules match as `c2d+`."""
        return f"{BRIDGE_PREFIX}{self._key(project_id)}"

    def names(self, project_id: UUID) -> str:
        """The name of the network on which services are found by theirs."""
        return f"c2d-{_NAMES}-{self._key(project_id, _NAMES)}"

    def ensure_network(self, project_id: UUID) -> str:
        return self._ensure(_Wanted(project_id, self.name(project_id), self.bridge(project_id)))

    def ensure_names(self, project_id: UUID) -> str:
        """The names network's provider id, as `ensure_network` for the first one."""
        bridge = f"{BRIDGE_PREFIX}{self._key(project_id, _NAMES)}"
        return self._ensure(_Wanted(project_id, self.names(project_id), bridge, names=True))

    def remove_network(self, project_id: UUID) -> None:
        subject = f"the network of project {project_id}"
        for network in self._list(project_id):
            try:
                with translated(subject):
                    self._engine.api.remove_network(network["Id"])
            except NotFound:
                continue

    def _ensure(self, wanted: "_Wanted") -> str:
        found = self._find(wanted)
        if found is not None:
            return found
        with self._allocating:
            return self._make(wanted)

    def _make(self, wanted: "_Wanted") -> str:
        refused: set[IPv4Network] = set()
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while time.monotonic() < deadline:
            found = self._find(wanted)
            if found is not None:
                return found
            block = self._free_block(refused)
            if block is None and not refused:
                raise QuotaExceeded(self._exhausted())
            if block is None:
                # Refused may also mean that another process was making this very network.
                refused.clear()
                time.sleep(_POLL_SECONDS)
                continue
            try:
                return self._create(wanted, block)
            except Conflict:
                refused.add(block)
        raise Transient(f"no network block for project {wanted.project_id} could be had in time")

    def _create(self, wanted: "_Wanted", block: IPv4Network) -> str:
        with translated(f"the network of project {wanted.project_id}"):
            made = self._engine.api.create_network(
                wanted.name,
                driver="bridge",
                check_duplicate=True,
                internal=wanted.names,
                labels=self._engine.labels(wanted.tags),
                options={
                    "com.docker.network.bridge.name": wanted.bridge,
                    "com.docker.network.bridge.enable_icc": "true",
                },
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(block))]),
            )
        return str(made["Id"])

    def _free_block(self, refused: set[IPv4Network]) -> IPv4Network | None:
        config = self._engine.config
        with translated("the engine's networks"):
            networks = self._engine.api.networks()
        taken = [*refused, *self._routes(), *_subnets(networks)]
        inside = [block for block in taken if block.overlaps(config.pool)]
        for block in config.pool.subnets(new_prefix=config.block_prefix):
            if not any(block.overlaps(other) for other in inside):
                return block
        return None

    def _exhausted(self) -> str:
        config = self._engine.config
        return (
            f"the network pool {config.pool} has no free /{config.block_prefix} block left beside "
            "the engine's networks and this machine's routes; delete a project or widen the pool"
        )

    def _find(self, wanted: "_Wanted") -> str | None:
        found = [n for n in self._list(wanted.project_id) if n["Name"] == wanted.name]
        return str(min(found, key=lambda n: (n["Created"], n["Id"]))["Id"]) if found else None

    def _list(self, project_id: UUID) -> list[dict[str, Any]]:
        wanted = self._engine.label_filter({"project": str(project_id)})
        with translated("the engine's networks"):
            return list(self._engine.api.networks(filters={"label": wanted}))

    def _key(self, project_id: UUID, use: str | None = None) -> str:
        owner = "/".join(filter(None, (self._engine.config.platform_id, str(project_id), use)))
        return hashlib.sha256(owner.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One of a project's two networks; `names` for the one that carries names."""

    project_id: UUID
    name: str
    bridge: str
    names: bool = False

    @property
    def tags(self) -> dict[str, str]:
        use = {"use": _NAMES} if self.names else {}
        return {"project": str(self.project_id), **use}


def _subnets(networks: Iterable[dict[str, Any]]) -> Iterator[IPv4Network]:
    for network in networks:
        for entry in (network.get("IPAM") or {}).get("Config") or []:
            subnet = entry.get("Subnet", "")
            if subnet and ":" not in subnet:
                yield IPv4Network(subnet, strict=False)


def _little_endian(field: str) -> IPv4Address:
    return IPv4Address(int.from_bytes(bytes.fromhex(field), "little"))

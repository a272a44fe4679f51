"""Nova: servers, their console, their volume attachments, and flavors."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import COMPUTE
from shared.adapters.openstack.session import Document, Session
from shared.adapters.openstack.waiting import Waits
from shared.domain.errors import Conflict, InstanceFailed, InUse, Invalid, NotFound

_MOST_USER_DATA: Final = 65_535
_GOING: Final = {"DELETED", "SOFT_DELETED"}
_FAULTS: Final = (
    ("no valid host", "no host has room for it: take a smaller flavor or free capacity"),
    ("exceeded maximum number of retries", "no host could start it: see the hosts' capacity"),
    ("failed to allocate the network", "its network could not be set up: see its port and quota"),
    ("no fixed ip", "its subnet has no free address: free some or use a larger one"),
    ("quota", "the project's quota is used up: free some or have it raised"),
)


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """One server. `tag` is unique to it and finds it again; the ports were made before, so two
    creates at once cannot both succeed. `user_data` is plain, at most 49 kB, and no place for
    secrets: instances can read it at any time."""

    name: str
    tag: str
    image_id: str
    flavor_id: str
    port_ids: tuple[str, ...]
    user_data: bytes = field(default=b"", repr=False)
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    config_drive: bool = True


@dataclass(frozen=True, slots=True)
class Server:
    """What Nova says of it. `status` alone says little while `task_state` is set; `fault` is our
    sentence for why it failed."""

    id: str
    name: str
    status: str
    task_state: str | None
    created: str
    tags: frozenset[str]
    metadata: Mapping[str, str]
    fault: str | None = None

    @property
    def is_going(self) -> bool:
        """Whether somebody has asked for it to be deleted."""
        return self.status in _GOING or (self.task_state or "").endswith("deleting")


@dataclass(frozen=True, slots=True)
class Flavor:
    """Sizes that servers have."""

    id: str
    name: str
    vcpus: int
    memory_mb: int
    disk_gb: int


class Nova:
    """Servers of our project. Every call may be repeated."""

    def __init__(self, session: Session, waits: Waits = Waits()) -> None:
        self._session, self._waits = session, waits

    def find_servers(self, *tags: str) -> Sequence[Server]:
        """Those that carry all of `tags`, the oldest first."""
        what = "the servers with our tag"
        params = {"tags": ",".join(tags)} if tags else None
        found = items(
            self._session, COMPUTE, "/servers/detail", "servers", what=what, params=params
        )
        servers = [_server(document) for document in found]
        mine = [server for server in servers if server.tags.issuperset(tags)]
        return sorted(mine, key=lambda server: (server.created, server.id))

    def ensure_server(self, spec: ServerSpec) -> Server:
        """The server with the spec's tag, made where there is none; it is not awaited.

        Raises Invalid, NotFound, QuotaExceeded, Conflict and InUse (a port that another has).
        """
        body = _body(spec)
        found = self._standing(spec.tag)
        if found is not None:
            return found
        what = f"server {spec.name}"
        try:
            made = self._session.document(COMPUTE, "POST", "/servers", what=what, json=body)
        except (Conflict, InUse):
            found = self._standing(spec.tag)  # the same create, a moment before
            if found is None:
                raise
            return found
        return self.get(made["server"]["id"])

    def get(self, server_id: str) -> Server:
        """Raises NotFound."""
        path, what = f"/servers/{server_id}", f"server {server_id}"
        return _server(self._session.document(COMPUTE, "GET", path, what=what)["server"])

    def wait_active(self, server_id: str, *, seconds: float) -> Server:
        """It runs. Raises InstanceFailed, NotFound, and Transient when it takes longer."""
        return self._settled(server_id, "ACTIVE", seconds)

    def wait_stopped(self, server_id: str, *, seconds: float) -> Server:
        """It is off. Raises InstanceFailed, NotFound, and Transient when it takes longer."""
        return self._settled(server_id, "SHUTOFF", seconds)

    def start(self, server_id: str) -> None:
        """Ask for it to run; one that runs stays as it is. Raises NotFound and Conflict."""
        if self.get(server_id).status != "ACTIVE":
            self._act(server_id, {"os-start": None})

    def stop(self, server_id: str) -> None:
        """Ask for it to be off; one that is off stays so. Raises NotFound and Conflict."""
        if self.get(server_id).status != "SHUTOFF":
            self._act(server_id, {"os-stop": None})

    def delete(self, server_id: str) -> None:
        """Ask for it to go, in whatever state; missing is fine. Raises Conflict when locked."""
        self._session.delete(COMPUTE, f"/servers/{server_id}", what=f"server {server_id}")

    def wait_gone(self, server_id: str, *, seconds: float) -> None:
        """It is gone; that it says ACTIVE once more on the way means nothing. Raises Transient."""
        self._waits.gone(f"server {server_id}", lambda: self.get(server_id), seconds=seconds)

    def console(self, server_id: str, *, lines: int) -> str:
        """The newest lines of its console, "" before there are any. Raises NotFound."""
        try:
            answer = self._act(server_id, {"os-getConsoleOutput": {"length": lines}})
        except Conflict:
            return ""
        return str(answer.get("output") or "")

    def attach(self, server_id: str, volume_id: str) -> None:
        """Ask for the volume to be attached; one that is stays so. Await the volume's `in-use`.

        Raises InUse when it is attached elsewhere, Conflict while the server is being built.
        """
        if volume_id in self.attached(server_id):
            return
        path = f"/servers/{server_id}/os-volume_attachments"
        body = {"volumeAttachment": {"volumeId": volume_id}}
        try:
            self._session.call(COMPUTE, "POST", path, what=f"volume {volume_id}", json=body)
        except (Conflict, InUse):
            if volume_id not in self.attached(server_id):
                raise

    def detach(self, server_id: str, volume_id: str) -> None:
        """Ask for the volume to be detached; missing is fine, and so is one on its way.

        Await the volume's `available`: it does not come to one that cannot be detached.
        """
        path = f"/servers/{server_id}/os-volume_attachments/{volume_id}"
        try:
            self._session.delete(COMPUTE, path, what=f"volume {volume_id}")
        except InUse:  # said of one that is attaching or detaching, and by no other word
            return

    def attached(self, server_id: str) -> frozenset[str]:
        """The ids of its volumes, also those on their way. Raises NotFound."""
        path = f"/servers/{server_id}/os-volume_attachments"
        answer = self._session.document(COMPUTE, "GET", path, what=f"server {server_id}")
        return frozenset(found["volumeId"] for found in answer["volumeAttachments"])

    def wait_detached(self, server_id: str, volume_id: str, *, seconds: float) -> None:
        """The server no longer lists it, or is gone itself. Raises Transient."""

        def probe() -> frozenset[str]:
            try:
                return self.attached(server_id)
            except NotFound:
                return frozenset()

        what = f"volume {volume_id} on server {server_id}"
        self._waits.until(what, probe, lambda held: volume_id not in held, seconds=seconds)

    def flavors(self) -> Sequence[Flavor]:
        """All we may use, the smallest first."""
        found = items(self._session, COMPUTE, "/flavors/detail", "flavors", what="the flavors")
        return sorted(map(_flavor, found), key=lambda f: (f.memory_mb, f.vcpus, f.disk_gb, f.id))

    def flavor(self, name: str) -> Flavor:
        """By its id or its name. Raises NotFound."""
        flavors = self.flavors()
        for found in flavors:
            if name in {found.id, found.name}:
                return found
        known = ", ".join(sorted(f.name for f in flavors))
        raise NotFound(f"this cloud has no such flavor for us: take one of {known}")

    def _standing(self, tag: str) -> Server | None:
        return next((s for s in self.find_servers(tag) if not s.is_going), None)

    def _settled(self, server_id: str, status: str, seconds: float) -> Server:
        def probe() -> Server:
            server = self.get(server_id)
            if server.status == "ERROR":
                raise InstanceFailed(f"server {server_id}: {server.fault or _fault('')}")
            return server

        def done(server: Server) -> bool:
            return server.status == status and server.task_state is None

        what = f"server {server_id} is to be {status}"
        return self._waits.until(what, probe, done, seconds=seconds)

    def _act(self, server_id: str, body: Document) -> Document:
        path = f"/servers/{server_id}/action"
        response = self._session.call(COMPUTE, "POST", path, what=f"server {server_id}", json=body)
        return dict(response.json()) if response.content else {}


def _body(spec: ServerSpec) -> Document:
    server: Document = {
        "name": spec.name,
        "imageRef": spec.image_id,
        "flavorRef": spec.flavor_id,
        "networks": [{"port": port_id} for port_id in spec.port_ids],
        "tags": sorted({spec.tag, *spec.tags}),
        "metadata": dict(spec.metadata),
        "config_drive": spec.config_drive,
    }
    if spec.user_data:
        packed = base64.b64encode(spec.user_data).decode()
        if len(packed) > _MOST_USER_DATA:
            raise Invalid(f"server {spec.name}: its user data is over 49 kB: make it smaller")
        server["user_data"] = packed
    return {"server": server}


def _server(document: Document) -> Server:
    fault = document.get("fault")
    return Server(
        id=document["id"],
        name=document["name"],
        status=document["status"],
        task_state=document.get("OS-EXT-STS:task_state"),
        created=document["created"],
        tags=frozenset(document.get("tags", ())),
        metadata=document.get("metadata", {}),
        fault=_fault(str(fault.get("message", ""))) if fault else None,
    )


def _fault(message: str) -> str:
    """Ours for Nova's, which may hold what users sent."""
    low = message.lower()
    for needle, sentence in _FAULTS:
        if needle in low:
            return sentence
    return "the cloud could not build it: its operator finds the reason by the server's id"


def _flavor(document: Document) -> Flavor:
    return Flavor(
        document["id"], document["name"], document["vcpus"], document["ram"], document["disk"]
    )

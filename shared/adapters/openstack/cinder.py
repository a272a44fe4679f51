"""Cinder: volumes and their snapshots. They are attached through Nova, never here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import VOLUME
from shared.adapters.openstack.session import Document, Session
from shared.adapters.openstack.waiting import Waits
from shared.domain.errors import Conflict, InUse, Invalid, NotFound


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """A volume. `name` is unique to it and finds it again; with `snapshot_id` it begins with what
    is in that snapshot."""

    name: str
    size_gb: int
    metadata: Mapping[str, str] = field(default_factory=dict)
    snapshot_id: str | None = None
    volume_type: str | None = None
    availability_zone: str | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """`server_ids` are those that have it attached."""

    id: str
    name: str
    status: str
    size_gb: int
    metadata: Mapping[str, str]
    server_ids: tuple[str, ...]
    created: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a volume held at one moment."""

    id: str
    name: str
    volume_id: str
    status: str
    size_gb: int
    metadata: Mapping[str, str]
    created: str


_Thing = TypeVar("_Thing", Volume, Snapshot)


class Cinder:
    """Volumes of our project. Every call may be repeated."""

    def __init__(self, session: Session, waits: Waits = Waits()) -> None:
        self._session, self._waits = session, waits

    def find_volumes(
        self, *, name: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Sequence[Volume]:
        """Those with the name and all of `metadata`, the oldest first."""
        return _matching(self._items("volumes", name, _volume), metadata)

    def ensure_volume(self, spec: VolumeSpec) -> Volume:
        """The volume with the spec's name, made where there is none; it is not awaited.

        Raises Invalid, NotFound (its type or snapshot) and QuotaExceeded.
        """
        found = [v for v in self.find_volumes(name=spec.name) if v.status != "deleting"]
        if found:
            return found[0]
        body: Document = {
            "name": spec.name,
            "size": spec.size_gb,
            "metadata": dict(spec.metadata),
            "snapshot_id": spec.snapshot_id,
            "volume_type": spec.volume_type,
            "availability_zone": spec.availability_zone,
        }
        document = {"volume": {k: v for k, v in body.items() if v is not None}}
        what = f"volume {spec.name}"
        made = self._session.document(VOLUME, "POST", "/volumes", what=what, json=document)
        return _volume(made["volume"])

    def volume(self, volume_id: str) -> Volume:
        """Raises NotFound."""
        path, what = f"/volumes/{volume_id}", f"volume {volume_id}"
        return _volume(self._session.document(VOLUME, "GET", path, what=what)["volume"])

    def wait_volume(self, volume_id: str, *statuses: str, seconds: float) -> Volume:
        """The volume once its status is one of `statuses`. Raises Conflict when that is an error,
        NotFound, and Transient when it takes longer."""
        what = f"volume {volume_id}"
        return self._settled(what, lambda: self.volume(volume_id), statuses, seconds)

    def extend(self, volume_id: str, size_gb: int) -> None:
        """Ask for more room, attached or not; one of that size stays as it is.

        Raises Invalid for less than it has, Conflict in a state without it, and QuotaExceeded.
        """
        has = self.volume(volume_id).size_gb
        if has == size_gb:
            return
        if has > size_gb:
            raise Invalid(f"volume {volume_id} has {has} GB: volumes do not shrink")
        body = {"os-extend": {"new_size": size_gb}}
        path = f"/volumes/{volume_id}/action"
        self._session.call(VOLUME, "POST", path, what=f"volume {volume_id}", json=body)

    def wait_extended(self, volume_id: str, size_gb: int, *, seconds: float) -> Volume:
        """The volume once it has that size. Raises Conflict when it failed, and Transient."""
        return self._waits.until(
            f"volume {volume_id} is to have {size_gb} GB",
            lambda: _sound(f"volume {volume_id}", self.volume(volume_id)),
            lambda found: found.size_gb >= size_gb and found.status in {"available", "in-use"},
            seconds=seconds,
        )

    def delete_volume(self, volume_id: str) -> None:
        """Ask for it to go; missing is fine, and so is one on its way.

        Raises InUse while it is attached or has snapshots.
        """
        what = f"volume {volume_id}"
        self._delete(f"/volumes/{volume_id}", what, lambda: self.volume(volume_id))

    def wait_volume_gone(self, volume_id: str, *, seconds: float) -> None:
        """Raises Conflict when deleting failed, and Transient when it takes longer."""
        what = f"volume {volume_id}"
        self._waits.gone(what, lambda: _sound(what, self.volume(volume_id)), seconds=seconds)

    def find_snapshots(
        self, *, name: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> Sequence[Snapshot]:
        """Those with the name and all of `metadata`, the oldest first."""
        return _matching(self._items("snapshots", name, _snapshot), metadata)

    def ensure_snapshot(
        self, name: str, volume_id: str, *, metadata: Mapping[str, str] | None = None
    ) -> Snapshot:
        """The snapshot with that name, made where there is none; it is not awaited.

        An attached volume is as if its power had been cut. Raises NotFound, InUse and
        QuotaExceeded.
        """
        found = [s for s in self.find_snapshots(name=name) if s.status != "deleting"]
        if found:
            return found[0]
        document = {
            "snapshot": {
                "name": name,
                "volume_id": volume_id,
                "metadata": dict(metadata or {}),
                "force": True,
            }
        }
        what = f"snapshot {name}"
        made = self._session.document(VOLUME, "POST", "/snapshots", what=what, json=document)
        return _snapshot(made["snapshot"])

    def snapshot(self, snapshot_id: str) -> Snapshot:
        """Raises NotFound."""
        path, what = f"/snapshots/{snapshot_id}", f"snapshot {snapshot_id}"
        return _snapshot(self._session.document(VOLUME, "GET", path, what=what)["snapshot"])

    def wait_snapshot(self, snapshot_id: str, *, seconds: float) -> Snapshot:
        """The snapshot once it can be used. Raises Conflict when it failed, and Transient."""
        what = f"snapshot {snapshot_id}"
        return self._settled(what, lambda: self.snapshot(snapshot_id), ("available",), seconds)

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Ask for it to go; missing is fine, and so is one on its way. Raises InUse."""
        what = f"snapshot {snapshot_id}"
        self._delete(f"/snapshots/{snapshot_id}", what, lambda: self.snapshot(snapshot_id))

    def wait_snapshot_gone(self, snapshot_id: str, *, seconds: float) -> None:
        """Raises Conflict when deleting failed, and Transient when it takes longer."""
        what = f"snapshot {snapshot_id}"
        self._waits.gone(what, lambda: _sound(what, self.snapshot(snapshot_id)), seconds=seconds)

    def _delete(self, path: str, what: str, read: Callable[[], Volume | Snapshot]) -> None:
        """A second delete is refused in the words for attached and having snapshots."""
        try:
            self._session.delete(VOLUME, path, what=what)
        except (InUse, Invalid):
            try:
                going = read().status == "deleting"
            except NotFound:
                return
            if not going:
                raise

    def _settled(
        self, what: str, read: Callable[[], _Thing], statuses: Sequence[str], seconds: float
    ) -> _Thing:
        return self._waits.until(
            f"{what} is to be {' or '.join(statuses)}",
            lambda: _sound(what, read(), statuses),
            lambda thing: thing.status in statuses,
            seconds=seconds,
        )

    def _items(
        self, plural: str, name: str | None, read: Callable[[Document], _Thing]
    ) -> list[_Thing]:
        params = {"name": name} if name else None
        what = f"the {plural}"
        path = f"/{plural}/detail"
        found = [
            read(document)
            for document in items(self._session, VOLUME, path, plural, what=what, params=params)
        ]
        return [thing for thing in found if name in {None, thing.name}]


def _matching(found: list[_Thing], metadata: Mapping[str, str] | None) -> list[_Thing]:
    wanted = (metadata or {}).items()
    mine = [thing for thing in found if wanted <= thing.metadata.items()]
    return sorted(mine, key=lambda thing: (thing.created, thing.id))


def _sound(what: str, thing: _Thing, statuses: Sequence[str] = ()) -> _Thing:
    """The thing, unless it is in an error that nobody waits for."""
    if thing.status.startswith("error") and thing.status not in statuses:
        raise Conflict(
            f"{what}: Cinder says {thing.status}. It can only be deleted, in some states "
            "after its server; if that fails, the cloud's operator has to reset it."
        )
    return thing


def _volume(document: Mapping[str, Any]) -> Volume:
    return Volume(
        id=document["id"],
        name=document["name"] or "",
        status=document["status"],
        size_gb=document["size"],
        metadata=document.get("metadata", {}),
        server_ids=tuple(held["server_id"] for held in document["attachments"]),
        created=document["created_at"],
    )


def _snapshot(document: Mapping[str, Any]) -> Snapshot:
    return Snapshot(
        id=document["id"],
        name=document["name"] or "",
        volume_id=document["volume_id"],
        status=document["status"],
        size_gb=document["size"],
        metadata=document.get("metadata", {}),
        created=document["created_at"],
    )

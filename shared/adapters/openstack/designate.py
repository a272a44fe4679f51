"""Designate: DNS zones and recordsets. Both are accepted first and take effect later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import DNS
from shared.adapters.openstack.session import Session
from shared.adapters.openstack.waiting import Waits
from shared.domain.errors import Conflict, NotFound


@dataclass(frozen=True, slots=True)
class Zone:
    """`name` ends in a dot."""

    id: str
    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Recordset:
    """All records of one name and type. ERROR is not final: the name servers may come back."""

    id: str
    zone_id: str
    name: str
    type: str
    records: frozenset[str]
    ttl: int | None
    status: str


class Designate:
    """Zones and recordsets of our project. Every call may be repeated."""

    def __init__(self, session: Session, waits: Waits = Waits()) -> None:
        self._session, self._waits = session, waits

    def zone(self, name: str) -> Zone:
        """By its name, with or without the dot. Raises NotFound."""
        found = self._find_zone(_absolute(name))
        if found is None:
            raise NotFound(f"OpenStack has no zone {name} for us: create it, or correct its name")
        return found

    def ensure_zone(self, name: str, email: str) -> Zone:
        """The zone with that name, made where there is none; it is not awaited.

        Raises Invalid, Conflict (another project has it) and QuotaExceeded.
        """
        absolute = _absolute(name)
        found = self._find_zone(absolute)
        if found is not None:
            return found
        body = {"name": absolute, "email": email, "type": "PRIMARY"}
        try:
            return _zone(
                self._session.document(DNS, "POST", "/zones", what=f"zone {name}", json=body)
            )
        except Conflict:
            found = self._find_zone(absolute)
            if found is None:
                raise
            return found

    def wait_zone(self, zone_id: str, *, seconds: float) -> Zone:
        """The zone once the name servers have it; later it is PENDING whenever a record of it
        changes, so await those. Raises NotFound and Transient."""

        def probe() -> Zone:
            path, what = f"/zones/{zone_id}", f"zone {zone_id}"
            return _zone(self._session.document(DNS, "GET", path, what=what))

        what = f"zone {zone_id} is to be ACTIVE"
        return self._waits.until(what, probe, lambda z: z.status == "ACTIVE", seconds=seconds)

    def delete_zone(self, zone_id: str) -> None:
        """Ask for it to go with all that is in it; missing is fine."""
        self._session.delete(DNS, f"/zones/{zone_id}", what=f"zone {zone_id}")

    def find_recordsets(
        self, zone_id: str, *, name: str | None = None, kind: str | None = None
    ) -> Sequence[Recordset]:
        """Those with all that is given. Raises NotFound for the zone."""
        given = {"name": _absolute(name) if name else None, "type": kind}
        params = {key: value for key, value in given.items() if value is not None}
        path, what = f"/zones/{zone_id}/recordsets", f"the recordsets of zone {zone_id}"
        found = items(self._session, DNS, path, "recordsets", what=what, params=params)
        sets = [_recordset(document) for document in found]
        return [
            one for one in sets if given["name"] in {None, one.name} and kind in {None, one.type}
        ]

    def ensure_recordset(
        self, zone_id: str, name: str, kind: str, records: Iterable[str], *, ttl: int = 60
    ) -> Recordset:
        """The recordset of that name and type, made or changed to hold exactly `records`.

        TXT records are given with their quotes. Raises Invalid (also a CNAME beside others),
        NotFound for the zone, and QuotaExceeded.
        """
        wanted = frozenset(records)
        found = self.find_recordsets(zone_id, name=name, kind=kind)
        if not found:
            made = self._make(zone_id, name, kind, wanted, ttl)
            if made is not None:
                return made
            found = self.find_recordsets(zone_id, name=name, kind=kind)
            if not found:
                raise Conflict(f"recordset {name} {kind}: it comes and goes: repeat in a moment")
        one = found[0]
        if one.records == wanted and one.ttl == ttl:
            return one
        path = f"/zones/{zone_id}/recordsets/{one.id}"
        body = {"records": sorted(wanted), "ttl": ttl}
        what = f"recordset {one.id}"
        return _recordset(self._session.document(DNS, "PUT", path, what=what, json=body))

    def recordset(self, zone_id: str, recordset_id: str) -> Recordset:
        """Raises NotFound."""
        path, what = f"/zones/{zone_id}/recordsets/{recordset_id}", f"recordset {recordset_id}"
        return _recordset(self._session.document(DNS, "GET", path, what=what))

    def wait_recordset(self, zone_id: str, recordset_id: str, *, seconds: float) -> Recordset:
        """The recordset once the name servers answer it. Raises NotFound and Transient."""
        return self._waits.until(
            f"recordset {recordset_id} is to be ACTIVE",
            lambda: self.recordset(zone_id, recordset_id),
            lambda one: one.status == "ACTIVE",
            seconds=seconds,
        )

    def delete_recordset(self, zone_id: str, recordset_id: str) -> None:
        """Ask for it to go; missing is fine. Name servers answer it a little longer."""
        path = f"/zones/{zone_id}/recordsets/{recordset_id}"
        self._session.delete(DNS, path, what=f"recordset {recordset_id}")

    def _make(
        self, zone_id: str, name: str, kind: str, records: frozenset[str], ttl: int
    ) -> Recordset | None:
        """None when another has just made it."""
        body = {"name": _absolute(name), "type": kind, "records": sorted(records), "ttl": ttl}
        path, what = f"/zones/{zone_id}/recordsets", f"recordset {name} {kind}"
        try:
            return _recordset(self._session.document(DNS, "POST", path, what=what, json=body))
        except Conflict:
            return None

    def _find_zone(self, absolute: str) -> Zone | None:
        found = items(
            self._session, DNS, "/zones", "zones", what="the zones", params={"name": absolute}
        )
        return next((_zone(document) for document in found if document["name"] == absolute), None)


def _absolute(name: str) -> str:
    return name if name.endswith(".") else f"{name}."


def _zone(document: Mapping[str, Any]) -> Zone:
    return Zone(document["id"], document["name"], document["status"])


def _recordset(document: Mapping[str, Any]) -> Recordset:
    return Recordset(
        id=document["id"],
        zone_id=document["zone_id"],
        name=document["name"],
        type=document["type"],
        records=frozenset(document["records"]),
        ttl=document["ttl"],
        status=document["status"],
    )

"""Recordsets: what a name leads to."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.designate import listing
from infra.simulator.designate.refusals import invalid, recordset_of, within_quota, zone_of
from infra.simulator.designate.zones import new_recordset, propagate
from infra.simulator.world import World

router = Router()
_TYPES: Final = ("A", "AAAA", "CNAME", "MX", "TXT", "SRV", "NS", "PTR", "SPF", "SSHFP", "CAA")
_NAME: Final = re.compile(r"^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)+$")
_STRING: Final = 255


def _shown(call: Call, recordset: Document) -> Document:
    address = f"{call.base}/dns/v2/zones/{recordset['zone_id']}/recordsets/{recordset['id']}"
    return recordset | {"links": {"self": address}}


def _check(call: Call, kind: str, records: Any) -> list[str]:
    if not isinstance(records, list):
        raise invalid(call, ["records"], f"'{records}' is not a valid list of records")
    for place, record in enumerate(records):
        problem = _problem(kind, str(record))
        if problem is not None:
            raise invalid(call, ["records", place], problem)
    return [str(record) for record in records]


def _problem(kind: str, record: str) -> str | None:
    """What is wrong with a record, if anything."""
    if kind in ("A", "AAAA"):
        try:
            IPv4Address(record) if kind == "A" else IPv6Address(record)
        except AddressValueError:
            return f"'{record}' is not a '{'ipv4' if kind == 'A' else 'ipv6'}'"
    if kind in ("CNAME", "NS", "PTR") and not _NAME.match(record):
        return f"'{record}' is not a 'hostname'"
    if kind in ("TXT", "SPF"):
        quoted = len(record) >= 2 and record[0] == record[-1] == '"'
        if not quoted or len(record) - 2 > _STRING:
            return "Any TXT-DATA that contains more than 255 characters or is not quoted is invalid"
    return None


@router("POST", "/zones/{zone_id}/recordsets")
def create(world: World, call: Call, zone_id: str) -> Answer:
    """PENDING until the name servers know it; one without records is there at once."""
    zone, wanted = zone_of(world, zone_id), call.document()
    name, kind = str(wanted.get("name", "")), str(wanted.get("type", ""))
    if not _NAME.match(name):
        raise invalid(call, ["name"], f"'{name}' is not a 'hostname'")
    if kind not in _TYPES:
        raise invalid(call, ["type"], f"'{kind}' is not one of {list(_TYPES)}")
    wanted["records"] = _check(call, kind, wanted.get("records", []))
    _placed(world, zone, name, kind)
    count = sum(1 for r in world.recordsets.values() if r["zone_id"] == zone_id)
    within_quota(world, "zone_recordsets", count + 1)
    recordset = new_recordset(world, zone, wanted)
    if not wanted["records"]:
        recordset |= {"status": "ACTIVE", "action": "NONE"}
        return Answer(201, _shown(call, recordset))
    _changing(world, zone, recordset)
    return Answer(202, _shown(call, recordset))


def _placed(world: World, zone: Document, name: str, kind: str) -> None:
    """Raises RefusedError where there can be none of the kind at the name."""
    if name != zone["name"] and not name.endswith("." + zone["name"]):
        raise RefusedError(
            400,
            "RecordSet is not contained within it's parent zone",
            "invalid_recordset_location",
        )
    there = {r["type"] for r in world.recordsets.values() if r["name"] == name}
    if kind in there:
        raise RefusedError(409, "Duplicate RecordSet", "duplicate_recordset")
    if kind == "CNAME" and name == zone["name"]:
        raise RefusedError(
            400,
            "CNAME recordsets may not be created at the zone apex",
            "invalid_recordset_location",
        )
    if (kind == "CNAME" and there) or "CNAME" in there:
        raise RefusedError(
            400,
            "CNAME recordsets may not share a name with any other records",
            "invalid_recordset_location",
        )


def _changing(world: World, zone: Document, recordset: Document) -> None:
    """The zone is busy while any of its recordsets is."""
    zone["version"] += 1
    zone |= {"status": "PENDING", "action": "UPDATE", "serial": int(world.schedule.now)}
    propagate(world, recordset)
    propagate(world, zone)


@router("GET", "/zones/{zone_id}/recordsets")
def listed(world: World, call: Call, zone_id: str) -> Answer:
    zone_of(world, zone_id)
    found = [_shown(call, r) for r in world.recordsets.values() if r["zone_id"] == zone_id]
    return listing.answer(world, call, "recordsets", found)


@router("GET", "/recordsets")
def listed_everywhere(world: World, call: Call) -> Answer:
    found = [_shown(call, recordset) for recordset in world.recordsets.values()]
    return listing.answer(world, call, "recordsets", found)


@router("GET", "/zones/{zone_id}/recordsets/{recordset_id}")
def show(world: World, call: Call, zone_id: str, recordset_id: str) -> Answer:
    return Answer(200, _shown(call, recordset_of(world, zone_id, recordset_id)))


@router("PUT", "/zones/{zone_id}/recordsets/{recordset_id}")
def replace(world: World, call: Call, zone_id: str, recordset_id: str) -> Answer:
    """The whole list of records; name and type stay."""
    recordset, changes = recordset_of(world, zone_id, recordset_id), call.document()
    for name in ("name", "type"):
        if changes.get(name, recordset[name]) != recordset[name]:
            raise invalid(call, [name], f"'{name}' is immutable")
    _ours(recordset, "Updating")
    if "records" in changes:
        recordset["records"] = sorted(set(_check(call, recordset["type"], changes["records"])))
    for name in ("ttl", "description"):
        recordset[name] = changes.get(name, recordset[name])
    recordset["version"] += 1
    recordset |= {"status": "PENDING", "action": "UPDATE"}
    recordset["updated_at"] = world.schedule.moment("%Y-%m-%dT%H:%M:%S.000000")
    _changing(world, world.zones[zone_id], recordset)
    return Answer(202, _shown(call, recordset))


def _ours(recordset: Document, verb: str) -> None:
    own = recordset["name"] == recordset["zone_name"] and recordset["type"] == "NS"
    if own or recordset["type"] == "SOA":
        raise RefusedError(
            400, f"{verb} a {recordset['type']} recordset is not allowed", "bad_request"
        )


@router("DELETE", "/zones/{zone_id}/recordsets/{recordset_id}")
def delete(world: World, call: Call, zone_id: str, recordset_id: str) -> Answer:
    """Forgotten at once; name servers do so later."""
    recordset = recordset_of(world, zone_id, recordset_id)
    _ours(recordset, "Deleting")
    del world.recordsets[recordset_id]
    recordset["version"] += 1
    recordset |= {"status": "PENDING", "action": "DELETE"}
    _changing(world, world.zones[zone_id], recordset)
    return Answer(202, _shown(call, recordset))

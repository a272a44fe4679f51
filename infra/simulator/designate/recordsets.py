"""Recordsets: what a name leads to."""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.designate import listing
from infra.simulator.designate.refusals import (
    invalid,
    recordset_of,
    unfit,
    within_quota,
    zone_of,
)
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
        message = f"'{records}' is not a valid list of records"
        raise invalid(call, ["records"], message, "type", ["list"])
    for place, record in enumerate(records):
        problem = _problem(kind, str(record))
        if problem is not None:
            raise invalid(call, ["records", place], problem, "format", [kind])
    if kind == "CNAME" and len(records) > 1:
        raise RefusedError(400, "CNAME recordsets may not have more than 1 record", "bad_request")
    return [str(record) for record in records]


def _problem(kind: str, record: str) -> str | None:
    """What is wrong with a record, if anything."""
    if kind in ("A", "AAAA"):
        try:
            IPv4Address(record) if kind == "A" else IPv6Address(record)
        except AddressValueError:
            return f"'{record}' is not a '{kind}' Record"
    if kind in ("CNAME", "NS", "PTR") and not _NAME.match(record):
        return f"'{record}' is not a '{kind}' Record"
    if kind in ("TXT", "SPF"):
        quoted = len(record) >= 2 and record[0] == record[-1] == '"'
        if (" " in record and not quoted) or len(record.strip('"')) > _STRING:
            return f"'{record}' is not a 'TXT' Record"
    return None


@router("POST", "/zones/{zone_id}/recordsets")
def create(world: World, call: Call, zone_id: str) -> Answer:
    """PENDING until the name servers know it; one without records is there at once."""
    zone, wanted = zone_of(world, zone_id), call.document()
    name, kind = str(wanted.get("name", "")), str(wanted.get("type", ""))
    _known(wanted)
    if not name.endswith("."):
        raise unfit(f"Host name {name} does not end with a dot")
    if not _NAME.match(name):
        raise unfit(f"Host name {name} is not valid")
    if kind not in _TYPES:
        given = wanted.get("type")
        message = f"'{given}' is not a valid record type"
        raise invalid(call, ["recordset", "type"], message, "value", [given])
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


def _known(wanted: Document) -> None:
    unknown = sorted(set(wanted) - {"name", "type", "records", "ttl", "description"})
    if unknown:
        raise RefusedError(
            400,
            f"Provided object does not match schema. Keys {unknown} are not valid for recordset",
            "invalid_object",
        )
    if wanted.get("ttl") is not None and int(wanted["ttl"]) < 0:
        raise unfit("Value must be >= 0 for field ttl")


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
            raise invalid(call, [name], f"'{name}' is immutable", "immutable", True)
    _ours(recordset, "updated")
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
        raise RefusedError(400, f"Managed records may not be {verb}", "bad_request")


@router("DELETE", "/zones/{zone_id}/recordsets/{recordset_id}")
def delete(world: World, call: Call, zone_id: str, recordset_id: str) -> Answer:
    """Forgotten at once; name servers do so later."""
    recordset = recordset_of(world, zone_id, recordset_id)
    _ours(recordset, "deleted")
    del world.recordsets[recordset_id]
    recordset["version"] += 1
    recordset |= {"status": "PENDING", "action": "DELETE"}
    _changing(world, world.zones[zone_id], recordset)
    return Answer(202, _shown(call, recordset))

"""Zones."""

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.designate import listing
from infra.simulator.designate.refusals import invalid, unfit, within_quota, zone_of
from infra.simulator.world import World

router = Router()


def make(world: World, name: str, email: str, ttl: int = 3600) -> Document:
    """A zone with what every zone has."""
    zone = {
        "id": world.ids.dashed(),
        "name": name,
        "email": email,
        "ttl": ttl,
        "type": "PRIMARY",
        "status": "PENDING",
        "action": "CREATE",
        "serial": int(world.schedule.now),
        "version": 1,
        "description": None,
        "masters": [],
        "attributes": {},
        "pool_id": "794ccc2c-d751-44fe-b57f-8894c9f5c842",
        "project_id": world.project_id,
        "created_at": world.schedule.moment("%Y-%m-%dT%H:%M:%S.000000"),
        "updated_at": None,
        "transferred_at": None,
    }
    world.zones[str(zone["id"])] = zone
    server = f"ns1.{name}"
    own = {"SOA": [f"{server} {email.replace('@', '.')}. 1 3600 600 86400 3600"], "NS": [server]}
    for kind, records in own.items():
        made = new_recordset(world, zone, {"name": name, "type": kind, "records": records})
        made |= {"status": "ACTIVE", "action": "NONE"}
    return zone


def new_recordset(world: World, zone: Document, wanted: Document) -> Document:
    """A recordset on its way to the name servers."""
    recordset = {
        "id": world.ids.dashed(),
        "zone_id": zone["id"],
        "zone_name": zone["name"],
        "project_id": world.project_id,
        "name": wanted["name"],
        "type": wanted["type"],
        "records": sorted(set(wanted.get("records", ()))),
        "ttl": wanted.get("ttl"),
        "description": wanted.get("description"),
        "status": "PENDING",
        "action": "CREATE",
        "version": 1,
        "created_at": world.schedule.moment("%Y-%m-%dT%H:%M:%S.000000"),
        "updated_at": None,
    }
    world.recordsets[str(recordset["id"])] = recordset
    return recordset


def _shown(call: Call, zone: Document) -> Document:
    return zone | {"links": {"self": f"{call.base}/dns/v2/zones/{zone['id']}"}}


def propagate(world: World, thing: Document, seconds: float = 1.5) -> None:
    """Have the name servers know it: ACTIVE, or ERROR that heals by itself much later."""
    lag, version = world.lag, thing["version"]

    def known() -> None:
        if thing["version"] == version and thing["action"] != "DELETE":
            thing.update(status="ACTIVE", action="NONE")

    def failed() -> None:
        if thing["version"] == version and thing["status"] == "PENDING":
            thing["status"] = "ERROR"
            world.after(11.0, known)

    if lag.error is None:
        world.after(seconds, known, lag.seconds)
    else:
        world.after(6.0, failed)


@router("POST", "/zones")
def create(world: World, call: Call) -> Answer:
    wanted = call.document()
    name = str(wanted.get("name", ""))
    if not name.endswith("."):
        raise unfit(f"Domain {name} does not end with a dot")
    if "email" not in wanted:
        raise invalid(call, ["type"], "'email' is a required property", "required", "email")
    if "@" not in str(wanted["email"]):
        raise unfit(f"{wanted['email']} is not an email")
    if "." not in name[:-1]:
        raise RefusedError(400, "More than one label is required", "invalid_zone_name")
    if any(zone["name"] == name for zone in world.zones.values()):
        raise RefusedError(409, "Duplicate Zone", "duplicate_zone")
    within_quota(world, "zones", len(world.zones) + 1)
    zone = make(world, name, str(wanted["email"]), int(wanted.get("ttl", 3600)))
    zone["description"] = wanted.get("description")
    propagate(world, zone)
    return Answer(202, _shown(call, zone))


@router("GET", "/zones")
def listed(world: World, call: Call) -> Answer:
    zones = [_shown(call, zone) for zone in world.zones.values()]
    return listing.answer(world, call, "zones", zones)


@router("GET", "/zones/{zone_id}")
def show(world: World, call: Call, zone_id: str) -> Answer:
    return Answer(200, _shown(call, zone_of(world, zone_id)))


@router("DELETE", "/zones/{zone_id}")
def delete(world: World, call: Call, zone_id: str) -> Answer:
    """It stays readable until the name servers have let it go."""
    zone = zone_of(world, zone_id)
    zone |= {"status": "PENDING", "action": "DELETE"}
    world.after(2.0, lambda: _gone(world, zone_id), world.lag.seconds)
    return Answer(202, _shown(call, zone))


def _gone(world: World, zone_id: str) -> None:
    world.zones.pop(zone_id, None)
    for recordset in [r for r in world.recordsets.values() if r["zone_id"] == zone_id]:
        del world.recordsets[recordset["id"]]


@router("GET", "/quotas/{project_id}")
def quotas(world: World, _call: Call, **_names: str) -> Answer:
    return Answer(
        200,
        {
            "zones": world.quotas.zones,
            "zone_recordsets": world.quotas.zone_recordsets,
            "zone_records": world.quotas.zone_recordsets,
            "recordset_records": 20,
            "api_export_size": 1000,
        },
    )

"""Flavors, key pairs, limits and zones: what servers are made from."""

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.nova import placing
from infra.simulator.nova.versions import minor
from infra.simulator.nova.views import links
from infra.simulator.paging import Cut, linked, page
from infra.simulator.world import World

router = Router()


def _shown(call: Call, flavor: Document) -> Document:
    newer: Document = {"description": None} if minor(call) >= 55 else {}
    if minor(call) >= 61:
        newer["extra_specs"] = {}
    return flavor | newer | {"links": links(call, "flavors", flavor["id"])}


@router("GET", "/flavors")
def listed(world: World, call: Call) -> Answer:
    cut = Cut(world.options.page_limit)
    flavors, marker = page(call, list(world.nova.flavors.values()), cut, lambda f: str(f["id"]))
    shown = [
        {"id": f["id"], "name": f["name"], "links": links(call, "flavors", f["id"])}
        for f in flavors
    ]
    return Answer(200, linked("flavors", shown, f"{call.base}/compute/v2.1/flavors", call, marker))


@router("GET", "/flavors/detail")
def listed_with_details(world: World, call: Call) -> Answer:
    cut = Cut(world.options.page_limit)
    flavors, marker = page(call, list(world.nova.flavors.values()), cut, lambda f: str(f["id"]))
    shown = [_shown(call, flavor) for flavor in flavors]
    address = f"{call.base}/compute/v2.1/flavors/detail"
    return Answer(200, linked("flavors", shown, address, call, marker))


@router("GET", "/flavors/{flavor_id}")
def show(world: World, call: Call, flavor_id: str) -> Answer:
    flavor = world.nova.flavors.get(flavor_id)
    if flavor is None:
        raise RefusedError(404, f"Flavor {flavor_id} could not be found.")
    return Answer(200, {"flavor": _shown(call, flavor)})


@router("GET", "/os-keypairs")
def keypairs(world: World, _call: Call) -> Answer:
    return Answer(200, {"keypairs": [{"keypair": k} for k in world.nova.keypairs.values()]})


@router("POST", "/os-keypairs")
def make_keypair(world: World, call: Call) -> Answer:
    wanted = call.document("keypair")
    name = str(wanted.get("name", ""))
    if name in world.nova.keypairs:
        raise RefusedError(409, f"Key pair '{name}' already exists.")
    if not world.quotas.allows("key_pairs", len(world.nova.keypairs) + 1):
        raise RefusedError(403, "Quota exceeded, too many key pairs.")
    fingerprint = ":".join(f"{byte:02x}" for byte in name.encode()[:16].ljust(16, b"\0"))
    made = {
        "name": name,
        "public_key": wanted.get("public_key", ""),
        "fingerprint": fingerprint,
        "type": "ssh",
    }
    world.nova.keypairs[name] = made
    return Answer(201, {"keypair": made | {"user_id": world.user_id}})


@router("DELETE", "/os-keypairs/{name}")
def remove_keypair(world: World, _call: Call, name: str) -> Answer:
    if world.nova.keypairs.pop(name, None) is None:
        raise RefusedError(404, f"Keypair {name} not found for user {world.user_id}")
    return Answer(204)


@router("GET", "/limits")
def limits(world: World, _call: Call) -> Answer:
    used, quotas = placing.usage(world), world.quotas
    absolute = {
        "maxTotalInstances": quotas.instances,
        "maxTotalCores": quotas.cores,
        "maxTotalRAMSize": quotas.ram,
        "maxTotalKeypairs": quotas.key_pairs,
        "maxServerMeta": 128,
        "maxServerGroups": 10,
        "maxServerGroupMembers": 10,
        "totalInstancesUsed": used["instances"],
        "totalCoresUsed": used["cores"],
        "totalRAMUsed": used["ram"],
        "totalServerGroupsUsed": 0,
    }
    return Answer(200, {"limits": {"rate": [], "absolute": absolute}})


@router("GET", "/os-availability-zone")
def zones(_world: World, _call: Call) -> Answer:
    zone = {"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}
    return Answer(200, {"availabilityZoneInfo": [zone]})

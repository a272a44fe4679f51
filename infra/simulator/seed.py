"""What there is at first, as an operator leaves it for a new project."""

from typing import Final

from infra.simulator import glance
from infra.simulator.designate import zones
from infra.simulator.neutron import groups, networks
from infra.simulator.world import World

IMAGE, FLAVOR, NETWORK, EXTERNAL = "debian-12", "m1.small", "private", "public"
ZONE: Final = "apps.cloud.test."
_FLAVORS: Final = (
    ("m1.nano", 1, 128, 1),
    ("m1.small", 1, 1024, 10),
    ("m1.medium", 2, 4096, 20),
    ("m1.large", 4, 8192, 40),
)
_OPERATOR: Final = "0" * 32


def furnish(world: World) -> World:
    """An image, flavors, a network with a way out, and a zone."""
    for name, vcpus, ram, disk in _FLAVORS:
        world.nova.flavors[name] = {
            "id": name,
            "name": name,
            "vcpus": vcpus,
            "ram": ram,
            "disk": disk,
            "swap": 0,
            "rxtx_factor": 1.0,
            "OS-FLV-EXT-DATA:ephemeral": 0,
            "OS-FLV-DISABLED:disabled": False,
            "os-flavor-access:is_public": True,
        }
    form = {"disk_format": "raw", "container_format": "bare", "visibility": "public"}
    image = glance.make(world, form | {"name": IMAGE, "min_disk": 1, "min_ram": 64}, _OPERATOR)
    image |= {"status": "active", "size": 1 << 20}
    _network(world)
    zone = zones.make(world, ZONE, "hostmaster@cloud.test", ttl=60)
    zone |= {"status": "ACTIVE", "action": "NONE"}
    return world


def _network(world: World) -> None:
    groups.make(world, "default", "Default security group")
    external = networks.make_network(world, EXTERNAL, external=True)
    networks.make_subnet(
        world,
        {
            "name": EXTERNAL,
            "network_id": external["id"],
            "cidr": "203.0.113.0/24",
            "enable_dhcp": False,
            "allocation_pools": [{"start": "203.0.113.10", "end": "203.0.113.250"}],
        },
    )
    inside = networks.make_network(world, NETWORK)
    subnet = networks.make_subnet(
        world,
        {
            "name": NETWORK,
            "network_id": inside["id"],
            "cidr": "10.20.0.0/20",
            "dns_nameservers": ["192.0.2.53"],
        },
    )
    gateway = networks.make_router(world, "gateway", {"network_id": external["id"]})
    networks.connect(world, gateway["id"], subnet["id"])


def greeting(world: World, base: str) -> dict[str, str]:
    """What a client must know to begin."""
    named = {n["name"]: n["id"] for n in world.neutron.networks.values()}
    zone = next(iter(world.zones.values()))
    return {
        "auth_url": f"{base}/identity/v3",
        "application_credential_id": world.credential_id,
        "application_credential_secret": world.credential_secret,
        "region": world.options.region,
        "interface": "public",
        "project_id": world.project_id,
        "image_id": next(iter(world.images)),
        "flavor_id": FLAVOR,
        "network_id": named[NETWORK],
        "external_network_id": named[EXTERNAL],
        "zone_id": zone["id"],
        "zone": zone["name"],
        "control_url": f"{base}/_simulator",
    }

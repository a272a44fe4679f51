"""Servers as Nova shows them, by version."""

from infra.simulator.calls import Call, Document
from infra.simulator.nova.state import Attachment, Server
from infra.simulator.world import World


def links(call: Call, plural: str, identifier: str) -> list[Document]:
    """Where a thing is, with and without version."""
    root = f"{call.base}/compute"
    return [
        {"rel": "self", "href": f"{root}/v2.1/{plural}/{identifier}"},
        {"rel": "bookmark", "href": f"{root}/{plural}/{identifier}"},
    ]


def brief(call: Call, server: Server) -> Document:
    """As in a list without details."""
    return {"id": server.id, "name": server.name, "links": links(call, "servers", server.id)}


def detailed(world: World, call: Call, server: Server, minor: int) -> Document:
    """All of a server that its owner may see."""
    shown = brief(call, server) | _always(world, call, server, minor)
    if server.fault is not None and server.status in ("ERROR", "DELETED"):
        shown["fault"] = server.fault
    if server.status in ("ACTIVE", "BUILD", "REBOOT", "HARD_REBOOT"):
        shown["progress"] = 0
    if server.groups and server.ports:
        names = world.neutron.groups
        shown["security_groups"] = [
            {"name": names[group]["name"]} for group in server.groups if group in names
        ]
    return shown | _by_version(server, minor)


def _by_version(server: Server, minor: int) -> Document:
    newer: tuple[tuple[int, str, object], ...] = (
        (9, "locked", server.locked),
        (19, "description", server.description),
        (26, "tags", sorted(server.tags)),
        (63, "trusted_image_certificates", None),
        (71, "server_groups", []),
        (73, "locked_reason", None),
        (90, "OS-EXT-SRV-ATTR:hostname", server.name),
    )
    return {name: value for since, name, value in newer if minor >= since}


def _always(world: World, call: Call, server: Server, minor: int) -> Document:
    return {
        "status": server.status,
        "tenant_id": world.project_id,
        "user_id": world.user_id,
        "metadata": dict(server.metadata),
        "hostId": world.project_id if server.launched else "",
        "image": {
            "id": server.image_id,
            "links": links(call, "images", server.image_id)[1:],
        },
        "flavor": _flavor(world, call, server.flavor_id, minor),
        "created": server.created,
        "updated": server.updated,
        "addresses": _addresses(world, server),
        "accessIPv4": "",
        "accessIPv6": "",
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "nova" if server.launched else "",
        "config_drive": "True" if server.config_drive else "",
        "key_name": server.key_name,
        "OS-SRV-USG:launched_at": server.launched,
        "OS-SRV-USG:terminated_at": None,
        "OS-EXT-STS:task_state": server.task_state,
        "OS-EXT-STS:vm_state": server.vm_state,
        "OS-EXT-STS:power_state": server.power_state,
        "os-extended-volumes:volumes_attached": [
            _attached(held, minor) for held in server.attachments
        ],
    }


def _attached(held: Attachment, minor: int) -> Document:
    shown: Document = {"id": held.volume_id}
    return shown | ({"delete_on_termination": held.delete_on_termination} if minor >= 3 else {})


def _flavor(world: World, call: Call, flavor_id: str, minor: int) -> Document:
    """From 2.47 on it is embedded, and has no id."""
    if minor < 47:
        return {"id": flavor_id, "links": links(call, "flavors", flavor_id)[1:]}
    flavor = world.nova.flavors[flavor_id]
    return {
        "vcpus": flavor["vcpus"],
        "ram": flavor["ram"],
        "disk": flavor["disk"],
        "ephemeral": 0,
        "swap": 0,
        "original_name": flavor["name"],
        "extra_specs": {},
    }


def _addresses(world: World, server: Server) -> Document:
    """From Nova's cache: floating addresses come and go late."""
    shown: dict[str, list[Document]] = {}
    if server.vm_state == "building" and server.task_state in ("scheduling", None):
        return {}
    for port in (world.neutron.ports.get(port_id) for port_id in server.ports):
        if port is None:
            continue
        network = world.neutron.networks[port["network_id"]]["name"]
        listed = shown.setdefault(network, [])
        mac = {"OS-EXT-IPS-MAC:mac_addr": port["mac_address"], "version": 4}
        for fixed in port["fixed_ips"]:
            listed.append({"addr": fixed["ip_address"], "OS-EXT-IPS:type": "fixed"} | mac)
        if port["id"] in server.floating:
            address = server.floating[port["id"]]
            listed.append({"addr": address, "OS-EXT-IPS:type": "floating"} | mac)
    return shown


def attachment(server: Server, held: Attachment, minor: int) -> Document:
    """A volume on a server: newer versions name the attachment, not the volume, as its id."""
    shown: Document = {
        "serverId": server.id,
        "volumeId": held.volume_id,
        "device": held.device,
    }
    if minor < 89:
        shown["id"] = held.volume_id
    else:
        shown |= {"attachment_id": held.id, "bdm_uuid": held.id}
    if minor >= 70:
        shown["tag"] = held.tag
    if minor >= 79:
        shown["delete_on_termination"] = held.delete_on_termination
    return shown

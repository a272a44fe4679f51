"""Security groups and their rules."""

from ipaddress import ip_network
from typing import Any, Final

from infra.simulator.calls import Answer, Call, Document, RefusedError, Router
from infra.simulator.neutron import listing
from infra.simulator.neutron.refusals import (
    bad,
    found,
    fresh,
    only_known,
    stamps,
    touched,
    within_quota,
)
from infra.simulator.world import World

router = Router()
_RULE: Final = {
    "security_group_id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "remote_ip_prefix",
    "remote_group_id",
    "description",
    "tenant_id",
    "project_id",
    "remote_address_group_id",
}
_PROTOCOLS: Final = {
    "ah",
    "any",
    "dccp",
    "egp",
    "esp",
    "gre",
    "hopopt",
    "icmp",
    "icmpv6",
    "igmp",
    "ip",
    "ipip",
    "ipv6-encap",
    "ipv6-frag",
    "ipv6-icmp",
    "ipv6-nonxt",
    "ipv6-opts",
    "ipv6-route",
    "ospf",
    "pgm",
    "rsvp",
    "sctp",
    "tcp",
    "udp",
    "udplite",
    "vrrp",
}
_SAME: Final = (
    "security_group_id",
    "direction",
    "ethertype",
    "protocol",
    "port_range_min",
    "port_range_max",
    "normalized_cidr",
    "remote_group_id",
)


def make(world: World, name: str, description: str = "") -> Document:
    """A group as it is new: everything may go out."""
    group = stamps(world) | {"id": world.ids.dashed(), "name": name, "stateful": True}
    group |= {"description": description, "shared": False}
    world.neutron.groups[group["id"]] = group
    for ethertype in ("IPv4", "IPv6"):
        _add(
            world,
            {
                "security_group_id": group["id"],
                "direction": "egress",
                "ethertype": ethertype,
            },
        )
    return group


def _shown(world: World, group: Document) -> Document:
    rules = [r for r in world.neutron.rules.values() if r["security_group_id"] == group["id"]]
    return group | {"security_group_rules": rules}


@router("POST", "/security-groups")
def create(world: World, call: Call) -> Answer:
    wanted = call.document("security_group")
    only_known(wanted, ("name", "description", "stateful", "tenant_id", "project_id"))
    name = str(wanted.get("name", ""))
    if name.lower() == "default":
        raise RefusedError(
            409, "Default security group already exists.", "SecurityGroupDefaultAlreadyExists"
        )
    within_quota(world, "security_group", len(world.neutron.groups) + 1)
    within_quota(world, "security_group_rule", len(world.neutron.rules) + 2)
    group = make(world, name, str(wanted.get("description", "")))
    return Answer(201, {"security_group": _shown(world, group)})


@router("GET", "/security-groups")
def listed(world: World, call: Call) -> Answer:
    groups = [_shown(world, group) for group in world.neutron.groups.values()]
    return listing.answer(world, call, "security_groups", groups)


@router("GET", "/security-groups/{group_id}")
def show(world: World, _call: Call, group_id: str) -> Answer:
    group = found(world, "groups", group_id)
    return Answer(200, {"security_group": _shown(world, group)})


@router("PUT", "/security-groups/{group_id}")
def update(world: World, call: Call, group_id: str) -> Answer:
    group, changes = found(world, "groups", group_id), call.document("security_group")
    fresh(group, call.headers)
    only_known(changes, ("name", "description", "stateful"))
    if group["name"] == "default" and "name" in changes:
        raise RefusedError(
            409,
            "Updating default security group not allowed.",
            "SecurityGroupCannotUpdateDefault",
        )
    group |= changes
    touched(world, group)
    return show(world, call, group_id)


@router("DELETE", "/security-groups/{group_id}")
def delete(world: World, call: Call, group_id: str) -> Answer:
    """Refused while a port has it, also one of a server that is going."""
    group = found(world, "groups", group_id)
    fresh(group, call.headers)
    if group["name"] == "default":
        raise RefusedError(
            409,
            "Insufficient rights for removing default security group.",
            "SecurityGroupCannotRemoveDefault",
        )
    if any(group_id in port["security_groups"] for port in world.neutron.ports.values()):
        raise RefusedError(409, f"Security Group {group_id} in use.", "SecurityGroupInUse")
    del world.neutron.groups[group_id]
    rules = world.neutron.rules
    for rule_id in [r["id"] for r in rules.values() if r["security_group_id"] == group_id]:
        del rules[rule_id]
    return Answer(204)


def _add(world: World, wanted: Document) -> Document:
    """A rule. Raises RefusedError."""
    only_known(wanted, _RULE)
    _checked(world, wanted)
    prefix = wanted.get("remote_ip_prefix")
    rule = stamps(world) | {
        "id": world.ids.dashed(),
        "ethertype": "IPv4",
        "protocol": None,
        "port_range_min": None,
        "port_range_max": None,
        "remote_ip_prefix": None,
        "remote_group_id": None,
        "remote_address_group_id": None,
        **wanted,
        "normalized_cidr": str(ip_network(prefix, strict=False)) if prefix else None,
    }
    if isinstance(rule["protocol"], str):
        rule["protocol"] = None if rule["protocol"] == "any" else rule["protocol"].lower()
    for other in world.neutron.rules.values():
        if all(rule[name] == other[name] for name in _SAME):
            raise RefusedError(
                409,
                f"Security group rule already exists. Rule id is {other['id']}.",
                "SecurityGroupRuleExists",
            )
    within_quota(world, "security_group_rule", len(world.neutron.rules) + 1)
    world.neutron.rules[rule["id"]] = rule
    touched(world, world.neutron.groups[rule["security_group_id"]])
    return rule


def _checked(world: World, wanted: Document) -> None:
    direction = wanted.get("direction")
    if direction not in ("ingress", "egress"):
        raise bad(f"Invalid input for direction. Reason: {direction} is not in valid_values.")
    low, high = wanted.get("port_range_min"), wanted.get("port_range_max")
    if (low is not None or high is not None) and not wanted.get("protocol"):
        raise bad(
            "Must also specify protocol if port range is given.",
            "SecurityGroupProtocolRequiredWithPorts",
        )
    _kinds(wanted)
    if low is not None and high is not None and int(low) > int(high):
        raise bad(
            "For TCP/UDP protocols, port_range_min must be <= port_range_max",
            "SecurityGroupInvalidPortRange",
        )
    _prefix(wanted.get("remote_ip_prefix"), str(wanted.get("ethertype", "IPv4")))
    found(world, "groups", wanted.get("security_group_id"))
    if wanted.get("remote_group_id"):
        found(world, "groups", wanted["remote_group_id"])


def _kinds(wanted: Document) -> None:
    """Raises RefusedError for a protocol, an ethertype or a port that there is not."""
    protocol, ethertype = wanted.get("protocol"), wanted.get("ethertype", "IPv4")
    if protocol is not None and str(protocol).lower() not in _PROTOCOLS:
        number = str(protocol)
        if not (number.isdigit() and int(number) < 256):
            raise bad(
                f"Security group rule protocol {protocol} not supported. Only protocol values "
                f"{[None, *sorted(_PROTOCOLS)]} and integer representations [0 to 255] are "
                "supported.",
                "SecurityGroupRuleInvalidProtocol",
            )
    if ethertype not in ("IPv4", "IPv6"):
        raise bad(
            f"Security group rule for ethertype '{ethertype}' not supported. Allowed values are "
            "['IPv4', 'IPv6'].",
            "SecurityGroupRuleInvalidEtherType",
        )
    for port in (wanted.get("port_range_min"), wanted.get("port_range_max")):
        if port is not None and not 0 <= int(port) <= 65535:
            raise bad(f"Invalid value for port {port}", "SecurityGroupInvalidPortValue")


def _prefix(prefix: Any, ethertype: str) -> None:
    """Host bits are fine; what is no network, or of the other kind, is not."""
    if prefix is None:
        return
    try:
        version = ip_network(prefix, strict=False).version
    except ValueError:
        raise bad(
            f"Invalid CIDR {prefix} given as IP prefix.",
            "InvalidCIDR",
        ) from None
    if ethertype != f"IPv{version}":
        raise bad(
            f"Conflicting value ethertype {ethertype} for CIDR {prefix}",
            "SecurityGroupRuleParameterConflict",
        )


@router("POST", "/security-group-rules")
def create_rules(world: World, call: Call) -> Answer:
    """One, or several of which either all or none are made."""
    body = call.document()
    if "security_group_rules" not in body:
        rule = _add(world, call.document("security_group_rule"))
        return Answer(201, {"security_group_rule": rule})
    made: list[Document] = []
    try:
        for wanted in body["security_group_rules"]:
            made.append(_add(world, wanted))
    except RefusedError:
        for rule in made:
            world.neutron.rules.pop(rule["id"], None)
        raise
    return Answer(201, {"security_group_rules": made})


@router("GET", "/security-group-rules")
def rules(world: World, call: Call) -> Answer:
    return listing.answer(world, call, "security_group_rules", world.neutron.rules.values())


@router("GET", "/security-group-rules/{rule_id}")
def show_rule(world: World, _call: Call, rule_id: str) -> Answer:
    return Answer(200, {"security_group_rule": dict(found(world, "rules", rule_id))})


@router("DELETE", "/security-group-rules/{rule_id}")
def delete_rule(world: World, _call: Call, rule_id: str) -> Answer:
    rule = found(world, "rules", rule_id)
    del world.neutron.rules[rule_id]
    touched(world, world.neutron.groups[rule["security_group_id"]])
    return Answer(204)

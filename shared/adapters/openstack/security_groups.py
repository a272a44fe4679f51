"""Neutron's security groups: what may reach a port."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import NETWORK
from shared.adapters.openstack.session import Document, Session
from shared.domain.errors import Conflict


@dataclass(frozen=True, slots=True)
class Rule:
    """What is let through. None for `protocol`, ports or `source` is any; `source` is a network
    like 10.0.0.0/8, `source_group_id` the ports of a group, never both."""

    protocol: str | None
    first_port: int | None = None
    last_port: int | None = None
    source: str | None = None
    source_group_id: str | None = None
    direction: str = "ingress"
    family: str = "IPv4"

    @property
    def normal(self) -> "Rule":
        """As Neutron compares it: host bits and the network of everything say nothing."""
        network = ip_network(self.source, strict=False) if self.source else None
        source = str(network) if network is not None and network.prefixlen else None
        return Rule(
            self.protocol,
            self.first_port,
            self.last_port,
            source,
            self.source_group_id,
            self.direction,
            self.family,
        )


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """`rules` by their ids."""

    id: str
    name: str
    description: str
    rules: Mapping[str, Rule]
    tags: frozenset[str]


class SecurityGroups:
    """Groups of our project. Every call may be repeated."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, *, name: str | None = None, tag: str | None = None) -> Sequence[SecurityGroup]:
        """Those with all that is given, in the order of their ids."""
        given = {"name": name, "tags": tag}
        params = {key: value for key, value in given.items() if value is not None}
        what, plural = "the security groups", "security_groups"
        found = items(self._session, NETWORK, "/security-groups", plural, what=what, params=params)
        groups = sorted((_group(document) for document in found), key=lambda group: group.id)
        return [
            group
            for group in groups
            if name in {None, group.name} and (tag is None or tag in group.tags)
        ]

    def ensure(
        self, name: str, rules: Iterable[Rule], *, description: str = "", tags: Iterable[str] = ()
    ) -> SecurityGroup:
        """The group with that name, made where there is none, with `rules` among its own: those
        it has beside them stay. Raises Invalid and QuotaExceeded."""
        found = self.find(name=name)
        group = found[0] if found else self._make(name, description)
        held = {rule.normal for rule in group.rules.values()}
        for rule in rules:
            if rule.normal not in held:
                self._add(group.id, rule)
        wanted = group.tags.union(tags)
        if wanted != group.tags:
            path = f"/security-groups/{group.id}/tags"
            body = {"tags": sorted(wanted)}
            self._session.call(NETWORK, "PUT", path, what=f"security group {name}", json=body)
        return self.get(group.id)

    def get(self, group_id: str) -> SecurityGroup:
        """Raises NotFound."""
        path, what = f"/security-groups/{group_id}", f"security group {group_id}"
        return _group(self._session.document(NETWORK, "GET", path, what=what)["security_group"])

    def delete_rule(self, rule_id: str) -> None:
        """Missing is fine."""
        path = f"/security-group-rules/{rule_id}"
        self._session.delete(NETWORK, path, what=f"security group rule {rule_id}")

    def delete(self, group_id: str) -> None:
        """Missing is fine. Raises InUse while a port has it, also a moment after its server."""
        what = f"security group {group_id}"
        self._session.delete(NETWORK, f"/security-groups/{group_id}", what=what)

    def _make(self, name: str, description: str) -> SecurityGroup:
        body = {"security_group": {"name": name, "description": description}}
        made = self._session.document(
            NETWORK, "POST", "/security-groups", what=f"security group {name}", json=body
        )
        return _group(made["security_group"])

    def _add(self, group_id: str, rule: Rule) -> None:
        body: Document = {
            "security_group_id": group_id,
            "direction": rule.direction,
            "ethertype": rule.family,
            "protocol": rule.protocol,
            "port_range_min": rule.first_port,
            "port_range_max": rule.last_port,
            "remote_ip_prefix": rule.source,
            "remote_group_id": rule.source_group_id,
        }
        document = {"security_group_rule": {k: v for k, v in body.items() if v is not None}}
        what = f"a rule of security group {group_id}"
        try:
            self._session.call(NETWORK, "POST", "/security-group-rules", what=what, json=document)
        except Conflict:  # the only one there is here: it exists
            return


def _group(document: Mapping[str, Any]) -> SecurityGroup:
    return SecurityGroup(
        id=document["id"],
        name=document["name"],
        description=document.get("description") or "",
        rules={rule["id"]: _rule(rule) for rule in document["security_group_rules"]},
        tags=frozenset(document.get("tags", ())),
    )


def _rule(document: Mapping[str, Any]) -> Rule:
    return Rule(
        protocol=document["protocol"],
        first_port=document["port_range_min"],
        last_port=document["port_range_max"],
        source=document.get("normalized_cidr") or document["remote_ip_prefix"],
        source_group_id=document["remote_group_id"],
        direction=document["direction"],
        family=document["ethertype"],
    )

"""What every OpenStack promises us of ports, security groups and floating IPs."""

import pytest

from shared.adapters.openstack.neutron import PortSpec
from shared.adapters.openstack.security_groups import Rule
from shared.domain.errors import Conflict, InUse, NotFound
from tests.adapters.openstack.conftest import SECONDS, Site

WEB = (Rule("tcp", 443, 443, "0.0.0.0/0"), Rule("tcp", 22, 22, "10.9.8.7/8"))


def test_a_port_is_made_once_with_its_groups_and_tags(openstack: Site) -> None:
    group = openstack.api.security_groups.ensure(openstack.name(), ())
    openstack.later(openstack.api.security_groups.delete, group.id)
    spec = PortSpec(
        openstack.name(), openstack.network_id, (group.id,), tags=("c2d", "service=api")
    )
    neutron = openstack.api.neutron
    port = neutron.ensure_port(spec)
    openstack.later(neutron.delete_port, port.id)
    assert neutron.ensure_port(spec) == port
    assert (port.security_group_ids, port.tags) == ({group.id}, {"c2d", "service=api"})
    assert len(port.addresses) == 1
    assert [found.id for found in neutron.find_ports(tag="service=api", name=spec.name)] == [
        port.id
    ]
    other = PortSpec(openstack.name(), openstack.network_id, (group.id,), port.addresses[0])
    with pytest.raises(Conflict):
        neutron.ensure_port(other)


def test_a_security_group_has_its_rules_once(openstack: Site) -> None:
    groups, name = openstack.api.security_groups, openstack.name()
    group = groups.ensure(name, WEB, description="what reaches it", tags=("c2d",))
    openstack.later(groups.delete, group.id)
    again = groups.ensure(name, WEB)
    assert again == group
    ingress = {rule.normal for rule in group.rules.values() if rule.direction == "ingress"}
    assert ingress == {rule.normal for rule in WEB}
    groups._add(group.id, WEB[0])
    assert groups.get(group.id) == group
    for rule_id, rule in group.rules.items():
        if rule.first_port == 22:
            groups.delete_rule(rule_id)
    assert len(groups.get(group.id).rules) == len(group.rules) - 1
    assert [found.id for found in groups.find(tag="c2d", name=name)] == [group.id]


def test_a_security_group_with_a_port_is_in_use(openstack: Site) -> None:
    groups = openstack.api.security_groups
    group = groups.ensure(openstack.name(), ())
    port = openstack.port(group.id)
    with pytest.raises(InUse, match="SecurityGroupInUse"):
        groups.delete(group.id)
    openstack.api.neutron.delete_port(port.id)
    groups.delete(group.id)
    assert groups.find(name=group.name) == []


def test_a_floating_ip_is_made_once_and_leads_to_its_port(openstack: Site) -> None:
    neutron, key = openstack.api.neutron, openstack.name()
    _, port = openstack.running()
    where = openstack.external_network_id
    made = neutron.ensure_floating_ip(key, where, port_id=port.id, tags=("c2d",))
    openstack.later(neutron.delete_floating_ip, made.id)
    assert neutron.ensure_floating_ip(key, where, port_id=port.id).id == made.id
    assert neutron.wait_floating_ip(made.id, "ACTIVE", seconds=SECONDS).port_id == port.id
    assert [found.id for found in neutron.find_floating_ips(port_id=port.id)] == [made.id]
    assert [found.id for found in neutron.find_floating_ips(key=key, tag="c2d")] == [made.id]
    other = neutron.ensure_floating_ip(openstack.name(), where, port_id=None)
    openstack.later(neutron.delete_floating_ip, other.id)
    with pytest.raises(Conflict):
        neutron.associate(other.id, port.id)
    assert neutron.associate(made.id, None).port_id is None
    neutron.wait_floating_ip(made.id, "DOWN", seconds=SECONDS)


def test_a_floating_ip_outlives_its_port(openstack: Site) -> None:
    neutron, port = openstack.api.neutron, openstack.port()
    where = openstack.external_network_id
    made = neutron.ensure_floating_ip(openstack.name(), where, port_id=port.id)
    openstack.later(neutron.delete_floating_ip, made.id)
    neutron.delete_port(port.id)
    assert neutron.floating_ip(made.id).port_id is None
    neutron.delete_floating_ip(made.id)
    with pytest.raises(NotFound):
        neutron.floating_ip(made.id)

"""What every OpenStack promises us: the simulator and the real one answer alike."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.adapters.openstack.cinder import VolumeSpec
from shared.adapters.openstack.pages import items
from shared.adapters.openstack.services import (
    COMPUTE,
    DNS,
    IMAGE,
    NETWORK,
    SECRETS,
    VOLUME,
    Service,
)
from shared.adapters.openstack.session import Session
from shared.domain.errors import (
    Conflict,
    Forbidden,
    InUse,
    Invalid,
    NotFound,
    QuotaExceeded,
)
from tests.adapters.openstack.conftest import SECONDS, Site
from tests.fakes.breakers import FakeBreakers


@pytest.mark.parametrize("wrong", ["secret", "credential"])
def test_a_credential_that_is_wrong_is_forbidden_and_nothing_is_gone(
    openstack: Site, wrong: str
) -> None:
    changed = (
        replace(openstack.access, credential_secret="x" * 86)
        if wrong == "secret"
        else replace(openstack.access, credential_id=uuid4().hex)
    )
    session = Session(changed, FakeBreakers())
    with pytest.raises(Forbidden, match="OS_APPLICATION_CREDENTIAL_ID"):
        session.call(COMPUTE, "GET", f"/servers/{uuid4()}", what="a server")
    session.close()


def test_a_token_that_is_no_longer_valid_is_not_noticed(openstack: Site) -> None:
    session = openstack.api.session
    for service, path in ((COMPUTE, "/limits"), (IMAGE, "/images"), (SECRETS, "/secrets")):
        keystone = session._keystone
        keystone._token = replace(keystone.token(), value="gAAAAABnothing")
        assert session.call(service, "GET", path, what="a list").status_code == 200


def test_what_is_not_there_is_not_found_by_every_service(openstack: Site) -> None:
    api, nobody = openstack.api, str(uuid4())
    reads = (
        lambda: api.nova.get(nobody),
        lambda: api.nova.console(nobody, lines=1),
        lambda: api.nova.attached(nobody),
        lambda: api.nova.flavor("c2d-no-such-flavor"),
        lambda: api.neutron.port(nobody),
        lambda: api.neutron.floating_ip(nobody),
        lambda: api.neutron.network("c2d-no-such-network"),
        lambda: api.security_groups.get(nobody),
        lambda: api.cinder.volume(nobody),
        lambda: api.cinder.snapshot(nobody),
        lambda: api.designate.zone("no-such-zone.example."),
        lambda: api.designate.recordset(openstack.zone_id, nobody),
        lambda: api.barbican.value(nobody),
        lambda: api.glance.image("c2d-no-such-image"),
        lambda: api.glance.image(nobody),
    )
    for read in reads:
        with pytest.raises(NotFound):
            read()


def test_deleting_what_is_not_there_is_done(openstack: Site) -> None:
    api, nobody = openstack.api, str(uuid4())
    api.nova.delete(nobody)
    api.nova.wait_gone(nobody, seconds=SECONDS)
    api.neutron.delete_port(nobody)
    api.neutron.delete_floating_ip(nobody)
    api.security_groups.delete(nobody)
    api.security_groups.delete_rule(nobody)
    api.cinder.delete_volume(nobody)
    api.cinder.delete_snapshot(nobody)
    api.designate.delete_recordset(openstack.zone_id, nobody)
    api.barbican.delete(nobody)


def test_a_server_is_made_once_and_runs_with_its_port_tags_and_metadata(openstack: Site) -> None:
    nova, port = openstack.api.nova, openstack.port()
    spec = openstack.spec(port)
    made = openstack.server(spec)
    assert nova.ensure_server(spec).id == made.id
    server = nova.wait_active(made.id, seconds=SECONDS)
    assert (server.status, server.task_state, server.fault) == ("ACTIVE", None, None)
    assert server.tags == {spec.tag, "c2d"}
    assert server.metadata == {"c2d.service": "api"}
    assert [found.id for found in nova.find_servers(spec.tag)] == [made.id]
    assert isinstance(nova.console(made.id, lines=10), str)
    assert openstack.api.neutron.port(port.id).device_id == made.id
    openstack.api.neutron.wait_port(port.id, "ACTIVE", seconds=SECONDS)


def test_a_server_that_is_deleted_is_gone_and_its_own_port_stays(openstack: Site) -> None:
    server, port = openstack.running()
    nova, neutron = openstack.api.nova, openstack.api.neutron
    nova.delete(server.id)
    nova.delete(server.id)
    nova.wait_gone(server.id, seconds=SECONDS)
    with pytest.raises(NotFound):
        nova.get(server.id)
    nova.delete(server.id)
    assert neutron.port(port.id).device_id is None
    neutron.delete_port(port.id)
    with pytest.raises(NotFound):
        neutron.port(port.id)


def test_a_server_being_built_can_be_deleted(openstack: Site) -> None:
    nova = openstack.api.nova
    server = openstack.server(openstack.spec(openstack.port()))
    nova.delete(server.id)
    nova.wait_gone(server.id, seconds=SECONDS)


def test_a_server_stops_and_starts_again(openstack: Site) -> None:
    server, _ = openstack.running()
    nova = openstack.api.nova
    nova.stop(server.id)
    nova.wait_stopped(server.id, seconds=SECONDS)
    nova.stop(server.id)
    nova.start(server.id)
    assert nova.wait_active(server.id, seconds=SECONDS).status == "ACTIVE"


def test_a_port_that_a_server_has_makes_no_second_server(openstack: Site) -> None:
    server, port = openstack.running()
    other = openstack.spec(port)
    with pytest.raises(InUse):
        openstack.api.nova.ensure_server(other)
    assert openstack.api.nova.find_servers(other.tag) == []
    assert openstack.api.nova.get(server.id).status == "ACTIVE"


@pytest.mark.parametrize("part", ["image_id", "flavor_id", "port_ids"])
def test_a_server_of_parts_that_are_not_there_is_invalid(openstack: Site, part: str) -> None:
    spec = openstack.spec(openstack.port())
    nothing = (str(uuid4()),) if part == "port_ids" else str(uuid4())
    with pytest.raises(Invalid, match=r"req-"):
        openstack.api.nova.ensure_server(replace(spec, **{part: nothing}))


def test_a_secret_is_stored_once_and_never_changes(openstack: Site) -> None:
    barbican, name = openstack.api.barbican, openstack.name()
    made = barbican.ensure(name, "pässword")
    openstack.later(barbican.delete, made.id)
    assert barbican.ensure(name, "pässword").id == made.id
    assert barbican.value(made.id) == "pässword"
    with pytest.raises(Conflict, match="new name"):
        barbican.ensure(name, "another")
    barbican.delete(made.id)
    with pytest.raises(NotFound):
        barbican.value(made.id)
    assert barbican.find(name) == []


def test_images_and_flavors_are_found_by_name_and_by_id(openstack: Site) -> None:
    api = openstack.api
    assert api.glance.image(openstack.image.id) == openstack.image
    assert api.glance.image(openstack.image.name).name == openstack.image.name
    flavor = openstack.flavor
    assert api.nova.flavor(flavor.id) == api.nova.flavor(flavor.name) == flavor
    assert min(flavor.vcpus, flavor.memory_mb) > 0
    assert api.neutron.network(openstack.network_id).is_external is False


@pytest.mark.parametrize(
    ("service", "path", "key"),
    [
        (COMPUTE, "/flavors/detail", "flavors"),
        (NETWORK, "/security-groups", "security_groups"),
        (VOLUME, "/volumes/detail", "volumes"),
        (DNS, "/zones/{zone}/recordsets", "recordsets"),
        (SECRETS, "/secrets", "secrets"),
        (IMAGE, "/images", "images"),
    ],
)
def test_a_collection_is_read_to_its_end(
    openstack: Site, service: Service, path: str, key: str
) -> None:
    api = openstack.api
    for number in range(3):
        if service is VOLUME:
            volume = api.cinder.ensure_volume(VolumeSpec(openstack.name(), 1))
            openstack.later(openstack.remove_volume, volume.id)
            api.cinder.wait_volume(volume.id, "available", seconds=SECONDS)
        if service is SECRETS:
            openstack.later(api.barbican.delete, api.barbican.ensure(openstack.name(), "x").id)
        if service is NETWORK:
            group = api.security_groups.ensure(openstack.name(), ())
            openstack.later(api.security_groups.delete, group.id)
        if service is DNS:
            name = f"{openstack.name()}.{openstack.zone_name}"
            address = f"203.0.113.{number + 1}"
            made = api.designate.ensure_recordset(openstack.zone_id, name, "A", [address])
            openstack.later(api.designate.delete_recordset, openstack.zone_id, made.id)
    where = path.format(zone=openstack.zone_id)
    whole = list(items(api.session, service, where, key, what="all"))
    single = list(items(api.session, service, where, key, what="one", params={"limit": "1"}))
    label = "secret_ref" if service is SECRETS else "id"
    assert {found[label] for found in single} == {found[label] for found in whole}
    assert len(single) == len(whole)
    assert len(whole) >= (1 if service is IMAGE else 3)


def test_a_quota_that_is_used_up_is_named_as_one(openstack: Site) -> None:
    api = openstack.api
    with pytest.raises(QuotaExceeded, match="Cinder"):
        api.cinder.ensure_volume(VolumeSpec(openstack.name(), 500_000))
    body = {
        "server": {
            "name": openstack.name(),
            "imageRef": openstack.image.id,
            "flavorRef": openstack.flavor.id,
            "networks": "none",
            "min_count": 400,
            "max_count": 400,
        }
    }
    with pytest.raises(QuotaExceeded, match=r"of \d+, "):
        api.session.call(COMPUTE, "POST", "/servers", what="400 servers", json=body)
    with pytest.raises(QuotaExceeded, match="OverQuota"):
        _make_security_groups(openstack, 200)


def _make_security_groups(openstack: Site, count: int) -> None:
    for _ in range(count):
        group = openstack.api.security_groups.ensure(openstack.name(), ())
        openstack.later(openstack.api.security_groups.delete, group.id)

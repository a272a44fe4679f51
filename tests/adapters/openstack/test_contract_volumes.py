"""What every OpenStack promises us of volumes, snapshots and DNS."""

import pytest

from shared.adapters.openstack.cinder import Volume, VolumeSpec
from shared.domain.errors import InUse, Invalid, NotFound
from tests.adapters.openstack.conftest import SECONDS, Site


def available(openstack: Site, **given: str | None) -> Volume:
    volume = openstack.api.cinder.ensure_volume(
        VolumeSpec(openstack.name(), 1, {"c2d.volume": "data"}, **given)
    )
    openstack.later(openstack.remove_volume, volume.id)
    return openstack.api.cinder.wait_volume(volume.id, "available", seconds=SECONDS)


def test_a_volume_is_made_once_and_grows(openstack: Site) -> None:
    cinder = openstack.api.cinder
    volume = available(openstack)
    assert cinder.ensure_volume(VolumeSpec(volume.name, 1)).id == volume.id
    found = cinder.find_volumes(name=volume.name, metadata={"c2d.volume": "data"})
    assert [one.id for one in found] == [volume.id]
    assert cinder.find_volumes(name=volume.name, metadata={"c2d.volume": "other"}) == []
    cinder.extend(volume.id, 2)
    assert cinder.wait_extended(volume.id, 2, seconds=SECONDS).size_gb == 2
    cinder.extend(volume.id, 2)
    with pytest.raises(Invalid, match="do not shrink"):
        cinder.extend(volume.id, 1)


def test_a_volume_is_attached_to_one_server_and_detached(openstack: Site) -> None:
    nova, cinder = openstack.api.nova, openstack.api.cinder
    server, _ = openstack.running()
    other, _ = openstack.running()
    volume = available(openstack)
    nova.attach(server.id, volume.id)
    nova.attach(server.id, volume.id)
    held = cinder.wait_volume(volume.id, "in-use", seconds=SECONDS)
    assert held.server_ids == (server.id,)
    assert nova.attached(server.id) == {volume.id}
    with pytest.raises(InUse):
        nova.attach(other.id, volume.id)
    with pytest.raises(InUse):
        cinder.delete_volume(volume.id)
    cinder.extend(volume.id, 2)
    assert cinder.wait_extended(volume.id, 2, seconds=SECONDS).status == "in-use"
    nova.detach(server.id, volume.id)
    nova.detach(server.id, volume.id)
    cinder.wait_volume(volume.id, "available", seconds=SECONDS)
    nova.wait_detached(server.id, volume.id, seconds=SECONDS)
    nova.detach(server.id, volume.id)
    assert nova.attached(server.id) == frozenset()


def test_a_server_that_goes_leaves_its_volume(openstack: Site) -> None:
    nova, cinder = openstack.api.nova, openstack.api.cinder
    volume = available(openstack)
    server, _ = openstack.running()
    nova.attach(server.id, volume.id)
    cinder.wait_volume(volume.id, "in-use", seconds=SECONDS)
    openstack.remove_server(server.id)
    assert cinder.wait_volume(volume.id, "available", seconds=SECONDS).server_ids == ()
    nova.wait_detached(server.id, volume.id, seconds=SECONDS)


def test_a_snapshot_is_made_once_and_becomes_a_volume(openstack: Site) -> None:
    cinder, name = openstack.api.cinder, openstack.name()
    volume = available(openstack)
    snapshot = cinder.ensure_snapshot(name, volume.id, metadata={"c2d.volume": "data"})
    openstack.later(_remove_snapshot, openstack, snapshot.id)
    assert cinder.ensure_snapshot(name, volume.id).id == snapshot.id
    ready = cinder.wait_snapshot(snapshot.id, seconds=SECONDS)
    assert (ready.volume_id, ready.size_gb) == (volume.id, 1)
    assert [one.id for one in cinder.find_snapshots(name=name)] == [snapshot.id]
    restored = available(openstack, snapshot_id=snapshot.id)
    assert restored.id != volume.id
    with pytest.raises(InUse):
        cinder.delete_volume(volume.id)


def _remove_snapshot(openstack: Site, snapshot_id: str) -> None:
    openstack.api.cinder.delete_snapshot(snapshot_id)
    openstack.api.cinder.wait_snapshot_gone(snapshot_id, seconds=SECONDS)


def test_deleting_a_volume_twice_is_deleting_it_once(openstack: Site) -> None:
    cinder = openstack.api.cinder
    volume = available(openstack)
    cinder.delete_volume(volume.id)
    cinder.delete_volume(volume.id)
    cinder.wait_volume_gone(volume.id, seconds=SECONDS)
    with pytest.raises(NotFound):
        cinder.volume(volume.id)


def test_a_volume_of_a_snapshot_or_type_that_is_not_there_is_refused(openstack: Site) -> None:
    cinder = openstack.api.cinder
    for given in ({"snapshot_id": openstack.zone_id}, {"volume_type": "no-such-type"}):
        with pytest.raises((NotFound, Invalid)):
            cinder.ensure_volume(VolumeSpec(openstack.name(), 1, {}, **given))


def test_a_recordset_is_made_once_changes_and_goes(openstack: Site) -> None:
    designate, zone_id = openstack.api.designate, openstack.zone_id
    name = f"{openstack.name()}.{openstack.zone_name}"
    made = designate.ensure_recordset(zone_id, name, "A", ["203.0.113.7", "203.0.113.8"])
    openstack.later(designate.delete_recordset, zone_id, made.id)
    again = designate.ensure_recordset(
        zone_id, name.removesuffix("."), "A", ["203.0.113.8", "203.0.113.7"]
    )
    assert again.id == made.id
    assert designate.wait_recordset(zone_id, made.id, seconds=SECONDS).records == made.records
    changed = designate.ensure_recordset(zone_id, name, "A", ["203.0.113.9"], ttl=30)
    assert (changed.id, changed.records, changed.ttl) == (made.id, {"203.0.113.9"}, 30)
    designate.wait_recordset(zone_id, made.id, seconds=SECONDS)
    assert len(designate.find_recordsets(zone_id, name=name, kind="A")) == 1
    with pytest.raises(Invalid):
        designate.ensure_recordset(zone_id, name, "CNAME", ["elsewhere.example."])
    designate.delete_recordset(zone_id, made.id)
    with pytest.raises(NotFound):
        designate.recordset(zone_id, made.id)
    assert designate.find_recordsets(zone_id, name=name) == []


def test_a_zone_is_made_once(openstack: Site) -> None:
    designate = openstack.api.designate
    name = f"{openstack.name()}.example."
    zone = designate.ensure_zone(name, "hostmaster@example.org")
    openstack.later(designate.delete_zone, zone.id)
    assert designate.ensure_zone(name, "hostmaster@example.org").id == zone.id
    assert designate.wait_zone(zone.id, seconds=SECONDS).name == name
    assert designate.zone(name.removesuffix(".")).id == zone.id


def test_a_record_that_is_not_one_is_invalid(openstack: Site) -> None:
    name = f"{openstack.name()}.{openstack.zone_name}"
    with pytest.raises(Invalid):
        openstack.api.designate.ensure_recordset(openstack.zone_id, name, "A", ["not an address"])

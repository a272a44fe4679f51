"""What every cloud promises: the fake and the engine answer alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from shared.domain.errors import Conflict, ImageNotFound, NotFound
from shared.ports.compute import InstanceKind, InstanceState, ObjectKind, VolumeMount
from tests.adapters.docker.conftest import Cloud, a_spec


def instances(cloud: Cloud) -> list[str]:
    found = cloud.compute.find({})
    return [o.provider_id for o in found if o.kind is ObjectKind.INSTANCE]


def test_a_created_instance_is_not_started(cloud: Cloud) -> None:
    spec = a_spec()
    status = cloud.compute.status(cloud.compute.create(spec))
    assert status.state is InstanceState.CREATED
    assert (status.address, status.image) == (spec.address, spec.image)
    assert status.exit_code is None


def test_creating_an_instance_again_adopts_it(cloud: Cloud) -> None:
    spec = a_spec()
    first = cloud.compute.create(spec)
    cloud.compute.start(first)
    assert cloud.compute.create(spec) == first
    assert instances(cloud) == [first]
    assert cloud.compute.status(first).state is InstanceState.RUNNING


def test_creating_an_instance_twice_at_once_makes_one(cloud: Cloud) -> None:
    spec = a_spec()
    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(lambda _: cloud.compute.create(spec), range(6)))
    assert len(made) == 1
    assert instances(cloud) == list(made)


def test_a_started_instance_runs_and_starting_it_again_changes_nothing(cloud: Cloud) -> None:
    made = cloud.compute.create(a_spec())
    cloud.compute.start(made)
    before = cloud.compute.status(made)
    assert before.state is InstanceState.RUNNING
    assert before.started_at is not None
    cloud.compute.start(made)
    assert cloud.compute.status(made) == before


def test_a_stopped_instance_can_be_started_again(cloud: Cloud) -> None:
    made = cloud.compute.create(a_spec())
    cloud.compute.start(made)
    cloud.compute.stop(made, 5)
    stopped = cloud.compute.status(made)
    assert stopped.state is InstanceState.EXITED
    assert stopped.exit_code == 143
    assert stopped.finished_at is not None
    cloud.compute.start(made)
    assert cloud.compute.status(made).state is InstanceState.RUNNING


def test_stopping_without_grace_ends_it_all_the_same(cloud: Cloud) -> None:
    made = cloud.compute.create(a_spec())
    cloud.compute.start(made)
    cloud.compute.stop(made, 0)
    assert cloud.compute.status(made).state is InstanceState.EXITED


def test_stopping_what_does_not_run_is_fine(cloud: Cloud) -> None:
    made = cloud.compute.create(a_spec())
    cloud.compute.stop(made, 5)
    assert cloud.compute.status(made).state is InstanceState.CREATED
    cloud.compute.remove(made)
    cloud.compute.stop(made, 5)


def test_a_running_instance_is_removed_and_removing_it_again_is_fine(cloud: Cloud) -> None:
    made = cloud.compute.create(a_spec())
    cloud.compute.start(made)
    cloud.compute.remove(made)
    cloud.compute.remove(made)
    assert cloud.compute.status(made).state is InstanceState.MISSING
    assert instances(cloud) == []


def test_a_missing_instance_cannot_be_started_or_read(cloud: Cloud) -> None:
    made = cloud.compute.create(a_spec())
    cloud.compute.remove(made)
    with pytest.raises(NotFound):
        cloud.compute.start(made)
    with pytest.raises(NotFound):
        cloud.compute.logs(made, 10)


def test_an_app_that_ends_is_named_with_its_exit_code(cloud: Cloud) -> None:
    status = cloud.compute.status(cloud.run_to_exit(3))
    assert status.state is InstanceState.EXITED
    assert (status.exit_code, status.oom_killed) == (3, False)


def test_the_output_comes_in_order_from_the_end_and_from_an_instant(cloud: Cloud) -> None:
    made = cloud.run_to_exit(0)
    whole = cloud.compute.logs(made, 100)
    assert [line.text for line in whole] == ["one", "two", "three"]
    assert [line.text for line in cloud.compute.logs(made, 2)] == ["two", "three"]
    assert list(cloud.compute.logs(made, 0)) == []
    later = cloud.compute.logs(made, 100, since=whole[1].at)
    assert [line.text for line in later] == ["two", "three"]
    assert list(cloud.compute.logs(made, 100, since=whole[2].at + timedelta(seconds=1))) == []


def test_an_unknown_image_makes_nothing(cloud: Cloud) -> None:
    with pytest.raises(ImageNotFound):
        cloud.compute.create(a_spec(image="c2d/nothing:r1"))
    assert instances(cloud) == []


def test_a_missing_volume_makes_nothing(cloud: Cloud) -> None:
    mount = VolumeMount("c2d-no-such-volume", "/data")
    with pytest.raises(NotFound):
        cloud.compute.create(a_spec(volumes=(mount,)))
    assert cloud.compute.find({}) == []


def test_two_instances_cannot_hold_one_address(cloud: Cloud) -> None:
    spec = a_spec()
    first = cloud.compute.create(spec)
    second = cloud.compute.create(replace(spec, instance_id=uuid4()))
    cloud.compute.start(first)
    with pytest.raises(Conflict):
        cloud.compute.start(second)
    cloud.compute.stop(first, 5)
    cloud.compute.start(second)
    assert cloud.compute.status(second).state is InstanceState.RUNNING


def test_a_one_off_publishes_nothing(cloud: Cloud) -> None:
    made = cloud.compute.create(a_spec(kind=InstanceKind.ONE_OFF))
    assert cloud.compute.status(made).address is None


def test_objects_are_found_by_any_of_their_tags(cloud: Cloud) -> None:
    ours, other = a_spec(), a_spec(project_id=uuid4())
    made = cloud.compute.create(ours)
    cloud.compute.create(other)
    volume = cloud.volumes.create_volume(uuid4(), {"service": str(ours.service_id)})

    [found] = cloud.compute.find({"instance": str(ours.instance_id)})
    assert (found.provider_id, found.state) == (made, InstanceState.CREATED)
    assert ours.tags.items() <= found.tags.items()
    of_service = cloud.compute.find({"service": str(ours.service_id)})
    assert {o.provider_id for o in of_service} == {made, volume}
    of_project = cloud.compute.find({"project": str(other.project_id)})
    assert {o.kind for o in of_project} == {ObjectKind.INSTANCE, ObjectKind.NETWORK}
    everything = cloud.compute.find({})
    assert {o.tags["project"] for o in everything if o.kind is ObjectKind.NETWORK} == {
        str(ours.project_id),
        str(other.project_id),
    }
    assert len([o for o in everything if o.kind is not ObjectKind.NETWORK]) == 3


def test_a_project_has_one_network_also_when_asked_at_once(cloud: Cloud) -> None:
    project = uuid4()
    with ThreadPoolExecutor(10) as pool:
        made = set(pool.map(lambda _: cloud.networks.ensure_network(project), range(10)))
    assert len(made) == 1
    assert [o.provider_id for o in cloud.compute.find({})] == list(made)


def test_a_network_goes_when_nothing_runs_on_it(cloud: Cloud) -> None:
    spec = a_spec()
    made = cloud.compute.create(spec)
    cloud.compute.start(made)
    with pytest.raises(Conflict):
        cloud.networks.remove_network(spec.project_id)
    cloud.compute.remove(made)
    cloud.networks.remove_network(spec.project_id)
    cloud.networks.remove_network(spec.project_id)
    assert cloud.compute.find({}) == []


def test_a_volume_is_made_once_and_held_by_its_instance(cloud: Cloud) -> None:
    volume_id = uuid4()
    volume = cloud.volumes.create_volume(volume_id, {})
    assert cloud.volumes.create_volume(volume_id, {}) == volume
    made = cloud.compute.create(a_spec(volumes=(VolumeMount(volume, "/data"),)))
    with pytest.raises(Conflict):
        cloud.volumes.remove_volume(volume)
    cloud.compute.remove(made)
    cloud.volumes.remove_volume(volume)
    cloud.volumes.remove_volume(volume)


def test_an_image_lives_as_long_as_it_has_a_name(cloud: Cloud) -> None:
    image = cloud.fresh_image()
    service = f"c2d/{uuid4().hex}"
    for number in (1, 2):
        cloud.images.tag(image, f"{service}:r{number}")
    [stored] = cloud.images.list_images(f"{service}:")
    assert stored.image_id == image
    assert {f"{service}:r1", f"{service}:r2"} <= set(stored.references)
    assert cloud.images.exists(image)
    cloud.images.remove_image(f"{service}:r1")
    cloud.images.remove_image(f"{service}:r1")
    assert not cloud.images.exists(f"{service}:r1")
    assert cloud.images.exists(f"{service}:r2")
    cloud.images.remove_image(f"{service}:r2")
    assert cloud.images.list_images(f"{service}:") == []


def test_the_last_name_of_an_image_in_use_stays(cloud: Cloud) -> None:
    image = cloud.fresh_image()
    name = f"c2d/{uuid4().hex}:r1"
    cloud.images.tag(image, name)
    for reference in cloud.images.list_images(name)[0].references:
        if reference != name:
            cloud.images.remove_image(reference)
    made = cloud.compute.create(a_spec(image=image))
    with pytest.raises(Conflict):
        cloud.images.remove_image(name)
    cloud.compute.remove(made)
    cloud.images.remove_image(name)
    assert not cloud.images.exists(name)


def test_an_image_that_is_nowhere_is_named_with_what_to_do(cloud: Cloud) -> None:
    with pytest.raises(ImageNotFound, match=r"nothing\.invalid/none:1"):
        cloud.images.ensure("nothing.invalid/none:1")


def test_an_unknown_image_cannot_be_kept(cloud: Cloud) -> None:
    with pytest.raises(ImageNotFound):
        cloud.images.tag("sha256:" + "0" * 64, "c2d/nothing:r1")


def test_disk_usage_knows_the_room_that_is_left(cloud: Cloud) -> None:
    usage = cloud.images.disk_usage()
    assert usage.images > 0
    assert usage.free is not None
    assert usage.total is not None
    assert 0 < usage.free <= usage.total

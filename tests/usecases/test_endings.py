"""Retention and deletion: what goes, what stays."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import Conflict, NotFound, Transient
from shared.domain.ids import now
from shared.domain.jobs import JobKind
from shared.domain.releases import InstanceRole
from shared.usecases import deletion, retention
from shared.usecases.project_deletion import delete_project
from tests.usecases.world import ORGANIZATION, World


def finish(world: World) -> int:
    return deletion.finish_deletions(
        uow=world.store, compute=world.compute, images=world.compute, networks=world.compute
    )


def test_the_previous_instance_is_retired_when_its_warm_time_is_over(world: World) -> None:
    service = world.service(run={"keep_previous_seconds": 60})
    for _ in range(2):
        world.go_live(world.deploy(service))
    retention.retire_cold(uow=world.store, compute=world.compute)
    assert InstanceRole.PREVIOUS in world.instances(service)
    with world.store:
        previous = world.instances_in(service)[InstanceRole.PREVIOUS]
        long_ago = now() - timedelta(seconds=61)
        world.store.instances.save(replace(previous, unrouted_at=long_ago))
    retention.retire_cold(uow=world.store, compute=world.compute)
    assert set(world.instances(service)) == {InstanceRole.SERVING}
    assert len(world.compute.running) == 1


def test_without_warm_time_the_old_one_goes_with_the_switch(world: World) -> None:
    service = world.service(run={"keep_previous_seconds": 0})
    for _ in range(2):
        world.go_live(world.deploy(service))
    assert set(world.instances(service)) == {InstanceRole.SERVING}


def test_images_of_rollback_candidates_stay_and_older_ones_go(world: World) -> None:
    service = world.service()
    for number in range(1, 6):
        world.go_live(world.deploy(service), image=f"sha256:{number}")
    removed = retention.prune_images(keep=3, uow=world.store, images=world.compute)
    assert removed == 2
    tags = {tag for names in world.compute.images.values() for tag in names if ":r" in tag}
    assert {tag.rsplit(":r")[-1] for tag in tags} == {"3", "4", "5"}
    assert retention.prune_images(keep=3, uow=world.store, images=world.compute) == 0


def test_the_image_of_what_serves_stays_however_old_it_is(world: World) -> None:
    service = world.service()
    world.go_live(world.deploy(service), image="sha256:1")
    assert retention.prune_images(keep=0, uow=world.store, images=world.compute) == 0


def test_a_deleted_service_leaves_nothing(world: World) -> None:
    service = world.service()
    for number in range(2):
        world.go_live(world.deploy(service), image=f"sha256:{number}")
    deletion.delete_service(ORGANIZATION, service.id, dry_run=False, uow=world.store)
    assert finish(world) == 1, "the route is still there"
    world.work(JobKind.REMOVE_ROUTE)
    assert finish(world) == 0
    assert world.compute.instances == {}
    assert not any(":r" in tag for names in world.compute.images.values() for tag in names)
    with pytest.raises(NotFound):
        world.get_service(service)


def test_deleting_goes_on_where_it_failed(world: World) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    deletion.delete_service(ORGANIZATION, service.id, dry_run=False, uow=world.store)
    finish(world)
    world.work(JobKind.REMOVE_ROUTE)
    world.compute.fail("remove", Transient("the engine is busy"))
    assert finish(world) == 1
    assert world.get_service(service).state_reason == "the engine is busy"
    assert finish(world) == 0


def test_a_dry_run_deletes_nothing(world: World) -> None:
    service = world.service()
    deletion.delete_service(ORGANIZATION, service.id, dry_run=True, uow=world.store)
    assert finish(world) == 0
    assert world.get_service(service).id == service.id


def test_a_protected_service_protects_its_project(world: World) -> None:
    world.service(deletion_protection=True)
    with pytest.raises(Conflict, match="deletion_protection"):
        delete_project(ORGANIZATION, world.project.id, dry_run=False, uow=world.store)


def test_an_empty_project_goes_with_its_network(world: World) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    delete_project(ORGANIZATION, world.project.id, dry_run=False, uow=world.store)
    finish(world)
    world.work(JobKind.REMOVE_ROUTE)
    assert finish(world) == 0
    assert world.compute.networks == {}
    with pytest.raises(NotFound), world.store:
        world.store.projects.get(ORGANIZATION, world.project.id)


def test_a_running_deployment_of_a_deleted_service_is_cancelled_first(world: World) -> None:
    service = world.service()
    made = world.deploy(service)
    world.acquire(made)
    deletion.delete_service(ORGANIZATION, service.id, dry_run=False, uow=world.store)
    assert world.get(made).cancel_requested
    assert finish(world) == 1
    world.fail(made, "Cancelled")
    assert finish(world) == 0

"""A service's name leads to the instance that serves, whatever else of it is there."""

import pytest

from shared.domain.errors import Transient
from shared.domain.releases import Instance, InstanceRole
from shared.domain.services import Service
from shared.usecases import supervision
from shared.usecases.naming import SettledNames, settle_all_names, settle_names
from tests.usecases.world import ORGANIZATION, World


@pytest.fixture
def settled() -> SettledNames:
    return SettledNames()


def settle(world: World, service: Service, settled: SettledNames) -> bool:
    return settle_names(
        ORGANIZATION, service.id, uow=world.store, names=world.names, settled=settled
    )


def settle_all(world: World, settled: SettledNames) -> int:
    return settle_all_names(uow=world.store, names=world.names, settled=settled)


def led_to(world: World) -> set[str]:
    return world.names.led_to(world.project.id, "web")


def provider_id(instance: Instance) -> str:
    assert instance.provider_id
    return instance.provider_id


def serving(world: World, service: Service) -> str:
    return provider_id(world.instances(service)[InstanceRole.SERVING])


def test_the_name_follows_what_serves_and_not_what_starts_or_is_kept_warm(
    world: World, settled: SettledNames
) -> None:
    service = world.service()
    first = world.deploy(service)
    world.acquire(first)
    world.build(first)
    world.release(first)
    assert not settle(world, service, settled)
    assert led_to(world) == set()
    world.finish(first)
    settle(world, service, settled)
    old = serving(world, service)
    assert led_to(world) == {old}
    second = world.deploy(service)
    world.acquire(second)
    world.build(second, "sha256:two")
    world.release(second)
    settle(world, service, settled)
    assert led_to(world) == {old}
    world.finish(second)
    settle(world, service, settled)
    assert provider_id(world.instances(service)[InstanceRole.PREVIOUS]) == old
    assert led_to(world) == {serving(world, service)} != {old}


def test_the_new_one_has_the_name_before_the_old_one_loses_it(
    world: World, settled: SettledNames
) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    settle(world, service, settled)
    old = serving(world, service)
    world.go_live(world.deploy(service), "sha256:two")
    world.names.calls.clear()
    settle(world, service, settled)
    assert world.names.calls == [("publish", serving(world, service)), ("withdraw", old)]


def test_a_publication_that_fails_leaves_the_old_name_and_is_repeated(
    world: World, settled: SettledNames
) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    settle(world, service, settled)
    old = serving(world, service)
    world.go_live(world.deploy(service), "sha256:two")
    world.compute.fail("publish_name", Transient("the engine does not answer"))
    with pytest.raises(Transient):
        settle(world, service, settled)
    assert led_to(world) == {old}
    assert settle_all(world, settled) == 1
    assert led_to(world) == {serving(world, service)}


def test_one_service_that_cannot_be_settled_does_not_keep_the_others_from_it(
    world: World, settled: SettledNames
) -> None:
    for name in ("web", "api"):
        world.go_live(world.deploy(world.service(name)))
    world.compute.fail("publish_name", Transient("the engine does not answer"))
    with pytest.raises(Transient):
        settle_all(world, settled)
    named = [world.names.led_to(world.project.id, name) for name in ("web", "api")]
    assert sorted(map(len, named)) == [0, 1]
    assert settle_all(world, settled) == 1


def test_what_is_settled_costs_the_provider_nothing(world: World, settled: SettledNames) -> None:
    world.go_live(world.deploy(world.service()))
    assert settle_all(world, settled) == 1
    world.names.calls.clear()
    world.compute.calls.clear()
    assert settle_all(world, settled) == 0
    assert (world.names.calls, world.compute.calls) == ([], [])


def test_an_instance_that_is_made_again_has_the_name_again(
    world: World, settled: SettledNames
) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    settle(world, service, settled)
    before = serving(world, service)
    world.compute.vanish(before)
    supervision.start_stopped(uow=world.store, compute=world.compute)
    world.restart_due()
    settle_all(world, settled)
    assert led_to(world) == {serving(world, service)}

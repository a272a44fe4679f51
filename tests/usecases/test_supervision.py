"""What serves is kept alive; what does not come back is called crashed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.errors import NotFound, Transient
from shared.domain.ids import now
from shared.domain.releases import Instance, InstanceRole
from shared.domain.services import Service, ServiceState
from shared.usecases import supervision
from tests.usecases.world import ORGANIZATION, World


@pytest.fixture
def service(world: World) -> Service:
    made = world.service()
    world.go_live(world.deploy(made))
    return made


def serving(world: World, service: Service) -> Instance:
    return world.instances(service)[InstanceRole.SERVING]


def see(world: World, service: Service, state: str, **more: Any) -> None:
    seen = {"instance_id": str(serving(world, service).id), "state": state, **more}
    supervision.observe([seen], uow=world.store)


def restart_now(world: World, service: Service) -> None:
    """Let the time of the planned restart come."""
    with world.store:
        instance = serving_in(world, service)
        world.store.instances.save(replace(instance, restart_at=now() - timedelta(seconds=1)))
    world.restart_due()


def serving_in(world: World, service: Service) -> Instance:
    found = world.store.instances.of_service(ORGANIZATION, service.id)
    return next(i for i in found if i.role is InstanceRole.SERVING)


def test_only_what_serves_is_watched(world: World, service: Service) -> None:
    world.go_live(world.deploy(service))
    watched = supervision.watch_list(domain="localhost", uow=world.store)
    assert [w["instance_id"] for w in watched] == [str(serving(world, service).id)]
    assert watched[0]["host"] == "web-shop.localhost"


def test_an_exit_is_followed_by_a_restart_at_once(world: World, service: Service) -> None:
    instance = serving(world, service)
    world.compute.crash(instance.provider_id or "")
    see(world, service, "exited", reason="it exited with code 1")
    world.restart_due()
    assert world.runs(serving(world, service))
    assert serving(world, service).restarts == 1


def test_backoff_grows_to_a_minute_and_no_further() -> None:
    waits = [supervision.backoff_seconds(n) for n in range(10)]
    assert waits == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_service_that_keeps_dying_is_crashed_with_its_reason(
    world: World, service: Service
) -> None:
    for _ in range(supervision.CRASHED_AFTER):
        see(world, service, "exited", reason="it exited with code 7")
        restart_now(world, service)
    see(world, service, "exited", reason="it exited with code 7")
    found = world.get_service(service)
    assert (found.state, found.state_reason) == (ServiceState.CRASHED, "it exited with code 7")


def test_a_crashed_service_that_recovers_is_live_again(world: World, service: Service) -> None:
    for _ in range(supervision.CRASHED_AFTER + 1):
        see(world, service, "exited", reason="dead")
        restart_now(world, service)
    see(world, service, "healthy")
    assert world.get_service(service).state is ServiceState.LIVE
    assert serving(world, service).restarts == 0


def test_an_app_that_boots_slowly_is_given_its_health_timeout(
    world: World, service: Service
) -> None:
    see(world, service, "exited", reason="dead")
    restart_now(world, service)
    see(world, service, "unhealthy", reason="it does not answer yet")
    due = serving(world, service).restart_at
    assert due is not None
    assert due - now() > timedelta(seconds=30)


def test_a_container_somebody_removed_is_made_again(world: World, service: Service) -> None:
    before = serving(world, service)
    world.compute.vanish(before.provider_id or "")
    supervision.start_stopped(uow=world.store, compute=world.compute)
    world.restart_due()
    after = serving(world, service)
    assert world.compute.calls.count("create") == 2
    assert after.address == before.address
    assert world.runs(after)


def test_after_a_reboot_what_served_is_started(world: World, service: Service) -> None:
    world.compute.crash(serving(world, service).provider_id or "", exit_code=137)
    assert supervision.start_stopped(uow=world.store, compute=world.compute) == 1
    assert world.restart_due() == 1
    assert world.runs(serving(world, service))


def test_an_engine_that_is_away_is_tried_again_later(world: World, service: Service) -> None:
    world.compute.crash(serving(world, service).provider_id or "")
    see(world, service, "exited", reason="dead")
    world.compute.fail("start", Transient("the engine does not answer"))
    world.restart_due()
    instance = serving(world, service)
    assert instance.health_reason == "the engine does not answer"
    restart_now(world, service)
    assert world.runs(serving(world, service))


def test_an_instance_that_lost_its_route_is_left_alone(world: World, service: Service) -> None:
    old = serving(world, service)
    see(world, service, "exited", reason="dead")
    world.go_live(world.deploy(service))
    world.restart_due()
    with world.store:
        assert world.store.instances.get(ORGANIZATION, old.id).restarts == 0


def test_restarting_by_hand_needs_something_that_serves(world: World, service: Service) -> None:
    supervision.restart(ORGANIZATION, service.id, uow=world.store)
    assert serving(world, service).restart_at is not None
    with pytest.raises(NotFound, match="deploy it first"):
        supervision.restart(ORGANIZATION, world.service("other").id, uow=world.store)

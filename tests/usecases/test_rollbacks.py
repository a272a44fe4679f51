"""Going back: the image, variables and settings of a release that has served."""

import pytest

from shared.domain.deployments import DeploymentState
from shared.domain.errors import Conflict
from shared.domain.releases import InstanceRole
from shared.usecases import rollbacks, variables
from shared.usecases.variables import Assignment
from tests.usecases.world import ORGANIZATION, World


def roll_back(world: World, service, target):  # type: ignore[no-untyped-def]
    return rollbacks.rollback(ORGANIZATION, service.id, target.id, actor="ada", **world.line)


def test_the_warm_instance_is_taken_over_without_building_or_creating(world: World) -> None:
    service = world.service()
    first, second = world.deploy(service), None
    world.go_live(first)
    before = world.instances(service)[InstanceRole.SERVING]
    second = world.deploy(service)
    world.go_live(second, image="sha256:two")
    made = roll_back(world, service, first)
    world.go_live(made)
    serving = world.instances(service)[InstanceRole.SERVING]
    assert serving.id == before.id
    assert world.get(made).state is DeploymentState.LIVE
    assert world.compute.calls.count("create") == 2


def test_an_env_change_is_rolled_back_with_it(world: World) -> None:
    service = world.service()
    assignment = Assignment("GREETING", "old", secret=True)
    variables.create(
        ORGANIZATION, service.id, assignment, actor="ada", uow=world.store, vault=world.vault
    )
    first = world.deploy(service)
    world.go_live(first)
    variables.update(
        ORGANIZATION,
        service.id,
        Assignment("GREETING", "new"),
        actor="ada",
        uow=world.store,
        vault=world.vault,
    )
    for image in ("sha256:two", "sha256:three"):
        world.go_live(world.deploy(service), image=image)
    made = roll_back(world, service, first)
    world.go_live(made)
    serving = world.instances(service)[InstanceRole.SERVING]
    spec = next(s for s in world.compute.running if s.instance_id == serving.id)
    assert spec.env["GREETING"] == "old"
    assert spec.image == "sha256:one"


def test_it_pauses_autodeploy(world: World) -> None:
    service = world.service()
    first = world.deploy(service)
    world.go_live(first)
    world.go_live(world.deploy(service))
    roll_back(world, service, first)
    assert world.get_service(service).autodeploy is False


def test_a_failed_rollback_gives_the_warm_instance_back(world: World) -> None:
    service = world.service()
    first = world.deploy(service)
    world.go_live(first)
    world.go_live(world.deploy(service))
    roles = world.instances(service)
    made = roll_back(world, service, first)
    world.acquire(made)
    from shared.usecases import releasing

    releasing.create_release_again(world.attempt(made), uow=world.store, images=world.compute)
    world.start(made)
    world.fail(made, "HealthCheckFailed", "it hangs")
    assert {r: i.id for r, i in world.instances(service).items()} == {
        r: i.id for r, i in roles.items()
    }
    assert all(world.runs(i) for i in world.instances(service).values())


def test_what_never_served_is_no_target(world: World) -> None:
    service = world.service()
    first = world.deploy(service)
    world.go_live(first)
    failed = world.deploy(service)
    world.acquire(failed)
    world.fail(failed, "BuildFailed")
    with pytest.raises(Conflict, match="never served"):
        roll_back(world, service, failed)
    with pytest.raises(Conflict, match="serves already"):
        roll_back(world, service, first)


def test_candidates_say_which_is_current_and_which_is_warm(world: World) -> None:
    service = world.service()
    made = [world.deploy(service) for _ in range(1)]
    world.go_live(made[0])
    for image in ("sha256:two", "sha256:three"):
        made.append(world.deploy(service))
        world.go_live(made[-1], image)
    found = rollbacks.candidates(ORGANIZATION, service.id, limit=10, uow=world.store)
    assert [(c.release.number, c.current, c.kept_warm) for c in found] == [
        (3, True, True),
        (2, False, True),
        (1, False, False),
    ]

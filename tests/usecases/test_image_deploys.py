"""Deployments of an image that exists: pinned once, pulled when missing, its port taken over."""

from typing import Any

import pytest

from shared.domain.deployments import Deployment
from shared.domain.errors import ImageNotFound
from shared.domain.releases import InstanceRole, Release
from shared.domain.services import Service
from shared.usecases.rollbacks import rollback
from shared.usecases.variables import Assignment, replace_all
from tests.usecases.world import ORGANIZATION, World

LATEST = "registry.example/acme/api:latest"
DIGEST = "registry.example/acme/api@sha256:" + "d" * 64


def go_live(world: World, service: Service, image: str) -> Deployment:
    made = world.deploy(service, image=image)
    world.acquire(made)
    world.release(made)
    world.finish(made)
    return made


def release_of(world: World, deployment: Deployment) -> Release:
    with world.store:
        found = world.store.releases.of_deployment(ORGANIZATION, deployment.id)
    assert found is not None
    return found


def test_an_image_that_only_a_registry_has_is_pulled_and_pinned(world: World) -> None:
    world.compute.registry[LATEST] = "sha256:one"
    made = go_live(world, world.service(), LATEST)
    assert release_of(world, made).image == "sha256:one"
    assert world.get(made).image == "sha256:one"
    assert [spec.image for spec in world.compute.running] == ["sha256:one"]


def test_a_digest_stays_the_name_of_what_it_pins(world: World) -> None:
    world.compute.registry[DIGEST] = "sha256:one"
    assert release_of(world, go_live(world, world.service(), DIGEST)).image == DIGEST


@pytest.mark.parametrize(
    ("exposed", "settings", "port"),
    [
        ({"sha256:one": 9000}, {}, 9000),
        ({}, {}, 8080),
        ({"sha256:one": 9000}, {"port": 7000}, 7000),
    ],
    ids=["exposed", "nothing said", "set on the service"],
)
def test_the_port_is_the_services_then_the_images(
    exposed: dict[str, int], settings: dict[str, Any], port: int, world: World
) -> None:
    world.compute.registry[LATEST] = "sha256:one"
    world.compute.exposed.update(exposed)
    made = go_live(world, world.service(run=settings), LATEST)
    assert release_of(world, made).run.port == port


def test_a_rollback_runs_what_was_pinned_although_the_tag_has_moved(world: World) -> None:
    service = world.service(run={"keep_previous_seconds": 0})
    world.compute.registry[LATEST] = "sha256:one"
    first = go_live(world, service, LATEST)
    world.compute.images["sha256:one"].discard(LATEST)
    world.compute.images["sha256:two"] = {"sha256:two", LATEST}
    go_live(world, service, LATEST)
    assert [spec.image for spec in world.compute.running] == ["sha256:two"]
    back = rollback(ORGANIZATION, service.id, first.id, actor="ada", **world.line)
    world.go_live(back)
    serving = world.instances(service)[InstanceRole.SERVING]
    assert serving.provider_id
    assert world.compute.instances[serving.provider_id].spec.image == "sha256:one"


def test_an_image_that_is_nowhere_ends_the_deployment_and_the_old_one_serves_on(
    world: World,
) -> None:
    service = world.service()
    world.compute.registry[LATEST] = "sha256:one"
    go_live(world, service, LATEST)
    made = world.deploy(service, image="registry.example/none:1")
    world.acquire(made)
    with pytest.raises(ImageNotFound, match=r"registry\.example/none:1"):
        world.release(made)
    world.fail(made, "ImageNotFound")
    ended = world.get(made)
    assert (ended.error, ended.release_id) == ("ImageNotFound", None)
    assert [spec.image for spec in world.compute.running] == ["sha256:one"]


def test_the_names_of_secrets_are_told_and_those_of_plain_variables_are_not(world: World) -> None:
    service = world.service()
    replace_all(
        ORGANIZATION,
        service.id,
        [Assignment("API_KEY", "k", secret=True), Assignment("COLOUR", "blue")],
        dry_run=False,
        actor="ada",
        uow=world.store,
        vault=world.vault,
    )
    world.compute.registry[LATEST] = "sha256:one"
    go_live(world, service, LATEST)
    [spec] = world.compute.running
    assert spec.secret_names == ("API_KEY",)
    assert (spec.env["API_KEY"], spec.env["COLOUR"]) == ("k", "blue")

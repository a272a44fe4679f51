"""The tasks as Step Functions calls them: JSON in, JSON out, errors by their class names."""

import ast
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from infra.generate.events import TASK, path_of
from infra.generate.functions import schedules
from shared import bootstrap, machines
from shared.adapters.local_lambda import LocalContext, invoke, substitution
from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import StaleFence, Transient
from shared.domain.jobs import JobKind
from shared.domain.resources import Resource, ResourceState
from shared.settings import Settings
from shared.usecases import rollbacks
from shared.usecases.naming import SettledNames
from shared.usecases.supervision import start_stopped
from tests.fakes.queue import FakeQueue
from tests.usecases.world import ORGANIZATION, POLICY, World

WAITING = {
    "deploy.build": JobKind.BUILD,
    "release.health_gate": JobKind.HEALTH_GATE,
    "release.switch_route": JobKind.SWITCH_ROUTE,
    "release.verify_public": JobKind.VERIFY_PUBLIC,
}
WITHOUT_LEASE = {
    "deploy.acquire_lease",
    "deploy.post_status",
    "deploy.drain",
    "deploy.retire_old",
}
PATH = (
    "deploy.acquire_lease",
    "deploy.build",
    "deploy.create_release",
    "release.create_instance",
    "release.start_app",
    "release.health_gate",
    "release.switch_route",
    "release.verify_public",
    "deploy.mark_live",
    "deploy.post_status",
    "deploy.drain",
    "deploy.retire_old",
)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    providers = {
        "unit_of_work": made.store,
        "workflows": made.workflows,
        "vault": made.vault,
        "compute": made.compute,
        "images": made.compute,
        "networks": made.compute,
        "names": made.names,
        "settled_names": SettledNames(),
        "webhook_queue": FakeQueue(),
        "build_policy": POLICY,
        "settings": Settings(workflows="step_functions", queues="sqs"),
    }
    for name, provider in providers.items():
        monkeypatch.setattr(bootstrap, name, lambda p=provider: p, raising=False)
    return made


def payload(world: World, deployment: Deployment, **more: Any) -> dict[str, Any]:
    now = world.get(deployment)
    token = f"token-{more.pop('state', '')}"
    given = {
        "organization_id": str(deployment.organization_id),
        "service_id": str(deployment.service_id),
        "deployment_id": str(deployment.id),
        "attempt": now.attempt,
        "entry": now.entry,
        "lease": now.lease_number,
        "task_token": token,
    }
    assert given.keys() <= TASK.keys(), "what the machines hand over"
    return given | more


def walk(world: World, deployment: Deployment, times: int) -> None:
    """Every function of the path, each called `times` times before its agent's job is done."""
    for name in PATH:
        for _ in range(times):
            given = payload(world, deployment, state=name)
            if name in WITHOUT_LEASE:
                given["lease"] = None
            answer = invoke(name, given)
            assert len(json.dumps(answer)) < 4096
        if name == "deploy.build":
            world.image("sha256:one")
            world.work(JobKind.BUILD, {"image": "sha256:one", "sha": "a" * 40, "port": 8000})
        elif name in WAITING:
            world.work(WAITING[name])


@pytest.mark.parametrize("times", [1, 2])
def test_the_functions_bring_a_deployment_live_also_when_each_runs_twice(
    world: World, times: int
) -> None:
    service = world.service()
    deployment = world.deploy(service)
    walk(world, deployment, times)
    assert world.get(deployment).state is DeploymentState.LIVE
    assert len(world.compute.running) == 1
    assert world.compute.calls.count("create") == 1


def test_a_name_that_cannot_be_moved_fails_no_deployment_and_is_moved_later(world: World) -> None:
    service = world.service()
    deployment = world.deploy(service)
    world.compute.fail("publish_name", Transient("the engine does not answer"))
    walk(world, deployment, 1)
    assert world.get(deployment).state is DeploymentState.LIVE
    assert world.names.led_to(world.project.id, "web") == set()
    import_module("functions.scheduled.reconcile").handler({}, LocalContext("reconcile"))
    [serving] = world.instances(service).values()
    assert world.names.led_to(world.project.id, "web") == {serving.provider_id}


def test_an_instance_made_again_is_named_in_the_same_run(world: World) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    [before] = world.instances(service).values()
    world.compute.vanish(before.provider_id or "")
    start_stopped(uow=world.store, compute=world.compute)
    import_module("functions.scheduled.supervise").handler({}, LocalContext("supervise"))
    [after] = world.instances(service).values()
    assert after.provider_id != before.provider_id
    assert world.names.led_to(world.project.id, "web") == {after.provider_id}


@pytest.mark.parametrize("name", machines.FUNCTIONS)
def test_an_input_that_is_none_is_refused_before_anything_happens(world: World, name: str) -> None:
    handler = import_module(f"functions.tasks.{name}").handler
    with pytest.raises(ValidationError):
        handler({"deployment_id": "no"}, LocalContext(name))
    assert world.store.commits == 1, "only the project's own"


def test_a_stale_attempt_leaves_with_its_class_name(world: World) -> None:
    deployment = world.deploy(world.service())
    given = payload(world, deployment) | {"attempt": 7}
    with pytest.raises(StaleFence):
        invoke("release.start_app", given)


def test_a_failure_is_walked_back_and_marked_also_when_each_runs_twice(world: World) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    failing = world.deploy(service)
    world.acquire(failing)
    world.build(failing, image="sha256:two")
    for name in ("deploy.create_release", "release.create_instance", "release.start_app"):
        invoke(name, payload(world, failing))
    assert len(world.compute.running) == 2
    for name in ("compensate.restore_route", "compensate.undo", "compensate.give_up"):
        for _ in range(2):
            invoke(name, payload(world, failing, state=name))
    for _ in range(2):
        caught = {"error": "States.Timeout", "cause": ""}
        invoke("deploy.mark_failed", payload(world, failing) | caught)
    ended = world.get(failing)
    assert (ended.state, ended.error) == (DeploymentState.FAILED, "States.Timeout")
    assert [spec.image for spec in world.compute.running] == ["sha256:one"]
    assert not resources(world, failing, ResourceState.NEEDS_ATTENTION)


def test_what_cannot_be_removed_is_listed_once(world: World) -> None:
    failing = world.deploy(world.service())
    world.acquire(failing)
    world.build(failing)
    for name in ("deploy.create_release", "release.create_instance"):
        invoke(name, payload(world, failing))
    world.compute.fail("remove", Transient("the cloud does not answer"), times=9)
    for _ in range(2):
        with pytest.raises(Transient):
            invoke("compensate.undo", payload(world, failing))
        invoke("compensate.give_up", payload(world, failing))
    [stuck] = resources(world, failing, ResourceState.NEEDS_ATTENTION)
    assert stuck.reason == "the cloud does not answer"


def test_an_earlier_release_is_frozen_again_once(world: World) -> None:
    service = world.service()
    first = world.deploy(service)
    world.go_live(first)
    world.go_live(world.deploy(service), image="sha256:two")
    back = rollbacks.rollback(ORGANIZATION, service.id, first.id, actor="ada", **world.line)
    world.acquire(back)
    answers = [invoke("rollback.create_release", payload(world, back)) for _ in range(2)]
    assert answers == [{"number": back.number, "pre_deploy": False}] * 2
    with world.store:
        made = world.store.releases.of_deployment(ORGANIZATION, back.id)
    assert made
    assert made.image == "sha256:one"


def test_a_command_before_the_release_runs_once(world: World) -> None:
    deployment = world.deploy(world.service(run={"pre_deploy_command": "migrate"}))
    world.acquire(deployment)
    world.build(deployment)
    made = invoke("deploy.create_release", payload(world, deployment))
    assert made["pre_deploy"] is True
    for _ in range(2):
        invoke("release.pre_deploy_command", payload(world, deployment, state="pre-deploy"))
    assert world.compute.calls.count("start") == 1
    assert world.claim().job.kind is JobKind.PRE_DEPLOY


@pytest.mark.parametrize("name", [schedule.handler for schedule in schedules()])
def test_a_schedule_has_nothing_to_do_for_what_is_well(world: World, name: str) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    before = (world.get_service(service), world.instances(service), world.route(service))
    handler = import_module(f"functions.{name.removesuffix('.handler')}").handler
    event = json.loads(path_of(name.removesuffix(".handler")).read_text())
    for _ in range(2):
        handler(event, LocalContext(name))
    assert (world.get_service(service), world.instances(service), world.route(service)) == before
    assert len(world.compute.running) == 1


def resources(world: World, deployment: Deployment, state: ResourceState) -> list[Resource]:
    with world.store:
        found = world.store.resources.of_deployment(deployment.organization_id, deployment.id)
    return [resource for resource in found if resource.state is state]


def test_every_function_has_run_on_a_valid_input() -> None:
    """Which is what the tests above do: a new function must join one of them."""
    tree = ast.parse(Path(__file__).read_text())
    named = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    assert set(machines.FUNCTIONS) <= named


def test_names_of_functions_are_the_keys_of_the_state_machines() -> None:
    assert substitution("deploy.mark_live") == "DeployMarkLive"

"""The tasks as Step Functions calls them: JSON in, JSON out, errors by their class names."""

import json
from importlib import import_module
from typing import Any

import pytest
from pydantic import ValidationError

from shared import bootstrap
from shared.adapters.local_lambda import LocalContext, invoke, substitution
from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import StaleFence
from shared.domain.jobs import JobKind
from shared.settings import Settings
from tests.usecases.world import POLICY, World

WAITING = {
    "deploy.build": JobKind.BUILD,
    "release.health_gate": JobKind.HEALTH_GATE,
    "release.switch_route": JobKind.SWITCH_ROUTE,
    "release.verify_public": JobKind.VERIFY_PUBLIC,
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
        "build_policy": POLICY,
        "settings": Settings(),
    }
    for name, provider in providers.items():
        monkeypatch.setattr(bootstrap, name, lambda p=provider: p, raising=False)
    return made


def payload(world: World, deployment: Deployment, **more: Any) -> dict[str, Any]:
    now = world.get(deployment)
    return {
        "organization_id": str(deployment.organization_id),
        "service_id": str(deployment.service_id),
        "deployment_id": str(deployment.id),
        "attempt": now.attempt,
        "entry": now.entry,
        "lease": now.lease_number,
        "task_token": f"token-{more.pop('state', '')}",
        **more,
    }


def walk(world: World, deployment: Deployment, times: int) -> None:
    """Every function of the path, each called `times` times before its agent's job is done."""
    for name in PATH:
        for _ in range(times):
            given = payload(world, deployment, state=name)
            if name in {"deploy.acquire_lease", "deploy.drain", "deploy.retire_old"}:
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


@pytest.mark.parametrize("name", bootstrap.FUNCTIONS)
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


def test_a_failure_is_marked_with_what_the_engine_caught(world: World) -> None:
    deployment = world.deploy(world.service())
    invoke("deploy.acquire_lease", payload(world, deployment, lease=None))
    caught = {"error": "States.Timeout", "cause": ""}
    for _ in range(2):
        invoke("deploy.mark_failed", payload(world, deployment) | caught)
    ended = world.get(deployment)
    assert (ended.state, ended.error) == (DeploymentState.FAILED, "States.Timeout")


def test_names_of_functions_are_the_keys_of_the_state_machines() -> None:
    assert substitution("deploy.mark_live") == "DeployMarkLive"

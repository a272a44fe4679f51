"""An execution that dies without ending its deployment: what AWS tells of it ends it at once."""

import json
from typing import Any
from uuid import uuid4

import pytest

from functions.events import executions
from infra.generate.events import path_of
from shared import bootstrap
from shared.adapters.local_lambda import LocalContext
from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import Transient
from shared.runtime.executions import read
from tests.usecases.world import ORGANIZATION, World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    for provider in ("workflows", "vault", "compute"):
        monkeypatch.setattr(bootstrap, provider, lambda name=provider: getattr(made, name))
    monkeypatch.setattr(bootstrap, "unit_of_work", lambda: made.store)
    return made


def told(deployment: Deployment, *, status: str = "TIMED_OUT", **changed: Any) -> dict[str, Any]:
    """The sample event, of this deployment's execution."""
    event: dict[str, Any] = json.loads(path_of("events.executions").read_text())
    given = json.loads(event["detail"]["input"]) | {
        "organization_id": str(deployment.organization_id),
        "deployment_id": str(deployment.id),
    }
    detail = {"name": deployment.execution, "status": status, "input": json.dumps(given)}
    return {**event, "detail": {**event["detail"], **detail, **changed}}


def hand(event: dict[str, Any]) -> dict[str, Any]:
    return executions.handler(event, LocalContext("executions"))


def state_of(world: World, deployment: Deployment) -> DeploymentState:
    with world.store:
        return world.store.deployments.get(ORGANIZATION, deployment.id).state


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_deployment_whose_execution_died_is_ended_with_its_reason(
    world: World, status: str
) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    assert hand(told(made, status=status)) == {"ended": True}
    with world.store:
        found = world.store.deployments.get(ORGANIZATION, made.id)
    assert (found.state, found.error) == (DeploymentState.FAILED, "States.Timeout")
    assert "took longer than its time limit" in str(found.reason)


def test_the_next_deployment_gets_the_lease_of_the_one_that_died(world: World) -> None:
    service = world.service()
    first = world.deploy(service)
    world.acquire(first)
    second = world.deploy(service)
    world.acquire(second)
    assert state_of(world, second) is DeploymentState.WAITING
    hand(told(first))
    assert world.workflows.answers, "the one that waits is answered"


def test_one_that_has_ended_by_itself_is_left_as_it_is(world: World) -> None:
    made = world.deploy(world.service())
    world.go_live(made)
    assert hand(told(made)) == {"ended": False}
    assert state_of(world, made) is DeploymentState.LIVE


def test_twice_is_once(world: World) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    assert [hand(told(made))["ended"] for _ in range(2)] == [True, False]


def test_an_earlier_attempt_ends_nothing(world: World) -> None:
    made = world.deploy(world.service())
    assert hand(told(made, name=f"{made.id}-0")) == {"ended": False}
    assert state_of(world, made) is not DeploymentState.FAILED


def test_what_is_not_there_or_is_no_deployment_is_passed_over(world: World) -> None:
    made = world.deploy(world.service())
    for given in ("{}", "", "no JSON", "[]", json.dumps({"organization_id": "x"})):
        assert hand(told(made, input=given)) == {"ended": False}
    unknown = {"organization_id": str(ORGANIZATION), "deployment_id": str(uuid4())}
    assert hand(told(made, input=json.dumps(unknown))) == {"ended": False}
    assert state_of(world, made) is not DeploymentState.FAILED


def test_another_organisations_deployment_is_not_found(world: World) -> None:
    made = world.deploy(world.service())
    ids = {"organization_id": str(uuid4()), "deployment_id": str(made.id)}
    assert hand(told(made, input=json.dumps(ids))) == {"ended": False}
    assert state_of(world, made) is not DeploymentState.FAILED


def test_while_the_store_is_away_the_event_fails_so_that_lambda_tries_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.deploy(world.service())

    def away() -> None:
        raise Transient("the database is away")

    monkeypatch.setattr(bootstrap, "unit_of_work", away)
    with pytest.raises(Transient):
        hand(told(made))


def test_the_sample_is_of_an_execution_of_a_deployment() -> None:
    found = read(json.loads(path_of("events.executions").read_text()))
    assert found is not None
    assert found.execution.name == f"{found.deployment_id}-1"
    assert found.execution.machine == "sample-deploy"

"""One active deployment per service, whoever comes when."""

import pytest

from shared.domain.deployments import DeploymentState
from shared.domain.errors import Conflict, Superseded
from shared.usecases import deployments, leasing, reconciliation
from tests.usecases.world import ORGANIZATION, World


def test_the_second_waits_until_the_first_is_live(world: World) -> None:
    service = world.service()
    first, second = world.deploy(service), None
    world.acquire(first)
    second = world.deploy(service)
    token = world.acquire(second)
    assert token not in world.workflows.answers
    world.build(first)
    world.release(first)
    from shared.usecases.routing import mark_live

    mark_live(world.attempt(first), **world.line)
    assert world.workflows.answers[token] == {"lease": 2}


def test_of_those_that_wait_only_the_latest_runs(world: World) -> None:
    service = world.service()
    active = world.deploy(service)
    world.acquire(active)
    waiting = []
    for _ in range(3):
        waiting.append(world.deploy(service))
        waiting_token = world.acquire(waiting[-1])
    losers = [a for a in world.workflows.answers.values() if isinstance(a, tuple)]
    assert [error for error, _ in losers] == ["Superseded", "Superseded"]
    world.fail(active, "BuildFailed")
    assert world.workflows.answers[waiting_token] == {"lease": 2}


def test_with_the_queue_policy_everyone_runs_in_order(world: World) -> None:
    service = world.service(overlap="queue")
    made = [world.deploy(service) for _ in range(3)]
    tokens = [world.acquire(d) for d in made]
    for number, (deployment, token) in enumerate(zip(made, tokens, strict=True), start=1):
        assert world.workflows.answers[token] == {"lease": number}
        world.fail(deployment, "BuildFailed")


def test_in_a_queue_nobody_overtakes_an_older_one_that_joins_the_line_later(world: World) -> None:
    service = world.service(overlap="queue")
    old, new = world.deploy(service), world.deploy(service)
    later = world.acquire(new)
    assert later not in world.workflows.answers
    sooner = world.acquire(old)
    assert world.workflows.answers[sooner] == {"lease": 1}
    world.fail(old, "BuildFailed")
    assert world.workflows.answers[later] == {"lease": 2}


def test_a_slow_old_one_never_replaces_a_newer_one(world: World) -> None:
    service = world.service()
    old, new = world.deploy(service), world.deploy(service)
    world.go_live(new)
    with pytest.raises(Superseded, match="deployment 2"):
        world.acquire(old)
    world.fail(old, "Superseded")
    assert world.get(old).state is DeploymentState.SUPERSEDED
    assert world.get(new).state is DeploymentState.LIVE


def test_cancel_previous_asks_the_running_one_to_stop(world: World) -> None:
    service = world.service(overlap="cancel_previous")
    first = world.deploy(service)
    world.acquire(first)
    world.deploy(service)
    assert world.get(first).cancel_requested


def test_cancelling_one_that_waits_wakes_it_with_cancelled(world: World) -> None:
    service = world.service(overlap="queue")
    first, second = world.deploy(service), world.deploy(service)
    world.acquire(first)
    token = world.acquire(second)
    deployments.cancel(ORGANIZATION, second.id, **world.line)
    assert world.workflows.answers[token] == ("Cancelled", "cancelled on request")
    world.fail(second, "Cancelled")
    assert world.get(second).state is DeploymentState.CANCELLED
    again = deployments.cancel(ORGANIZATION, second.id, **world.line)
    assert again.state is DeploymentState.CANCELLED


def test_cancelling_a_queued_build_wakes_its_state(world: World) -> None:
    from shared.usecases import building
    from tests.usecases.world import POLICY

    made = world.deploy(world.service())
    world.acquire(made)
    attempt = world.attempt(made)
    building.request_build(attempt, policy=POLICY, **world.line)
    deployments.cancel(ORGANIZATION, made.id, **world.line)
    assert world.workflows.answers[attempt.task_token or ""][0] == "Cancelled"  # type: ignore[index]


def test_a_failed_deployment_hands_the_lease_on_and_can_be_tried_again(world: World) -> None:
    service = world.service()
    made = world.deploy(service)
    world.acquire(made)
    world.build(made)
    world.fail(made, "HealthCheckFailed", "never healthy")
    again = deployments.retry(ORGANIZATION, made.id, uow=world.store, workflows=world.workflows)
    assert (again.attempt, again.entry, again.number) == (2, "release", made.number)
    assert world.workflows.inputs[f"{made.id}-2"]["entry"] == "release"
    world.acquire(again)
    world.release(again)
    from shared.usecases.routing import mark_live

    mark_live(world.attempt(again), **world.line)
    assert world.get(again).state is DeploymentState.LIVE


def test_a_running_deployment_is_not_retried(world: World) -> None:
    made = world.deploy(world.service())
    with pytest.raises(Conflict, match="cancel it first"):
        deployments.retry(ORGANIZATION, made.id, uow=world.store, workflows=world.workflows)


def test_a_lost_grant_is_sent_again(world: World) -> None:
    service = world.service()
    made = world.deploy(service)
    token = world.acquire(made)
    del world.workflows.answers[token]
    reconciliation.wake_lines(reconciliation.Line(world.store, world.workflows, world.vault))
    assert world.workflows.answers[token] == {"lease": 1}


def test_acquiring_twice_keeps_one_place_in_line(world: World) -> None:
    service = world.service()
    made = world.deploy(service)
    world.acquire(made)
    attempt = world.attempt(made, lease=None)
    leasing.acquire(attempt, **world.line)
    with world.store:
        assert len(world.store.leases.waiters(ORGANIZATION, service.id)) == 1
        assert world.store.leases.lock(ORGANIZATION, service.id).number == 1


def test_a_step_that_fails_while_it_is_being_cancelled_ends_as_cancelled(world: World) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    deployments.cancel(ORGANIZATION, made.id, **world.line)
    world.fail(made, "RouteFailed", "no answer")
    ended = world.get(made)
    assert (ended.state, ended.error) == (DeploymentState.CANCELLED, "Cancelled")
    assert ended.reason == "cancelled on request"

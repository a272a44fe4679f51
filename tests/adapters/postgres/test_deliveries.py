"""Deployments, their ledger, releases and instances on every store."""

from dataclasses import replace
from uuid import uuid4

import pytest

from shared.domain.deployments import DeploymentState, Step, StepOutcome
from shared.domain.errors import Conflict, NotFound
from shared.domain.releases import InstanceRole, ReleaseState
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import ALL
from tests.adapters.postgres.made import (
    ORG,
    OTHER_ORG,
    a_deployment,
    a_release,
    an_instance,
    moment,
    stored_shop,
)

pytestmark = pytest.mark.parametrize("uow", ALL, indirect=True)


def test_a_deployment_comes_back_as_it_was_saved(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    changed = replace(
        deployment.to(DeploymentState.WAITING).to(DeploymentState.BUILDING),
        ref="refs/heads/main",
        sha="a" * 40,
        commit_message="fix: ünïcode",
        lease_number=2**40,
        rollback_of=uuid4(),
        no_cache=True,
    )
    with uow:
        saved = uow.deployments.save(changed)
        assert saved == replace(changed, version=2)
        assert uow.deployments.lock(ORG, deployment.id) == saved
    with uow:
        assert uow.deployments.get(ORG, deployment.id) == saved


def test_text_from_outside_is_stored_whatever_it_holds(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    with uow:
        failed = deployment.to(DeploymentState.FAILED, reason="exit 1: é🛒 " * 1000)
        uow.deployments.save(failed)
    with uow:
        assert uow.deployments.get(ORG, deployment.id).reason == "exit 1: é🛒 " * 1000


def test_deployments_are_listed_newest_first(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    later = [a_deployment(shop.service, number=n) for n in (2, 3, 4)]
    with uow:
        for deployment in later:
            uow.deployments.add(deployment)
    with uow:
        first = uow.deployments.list(ORG, shop.service.id, 3, None)
        rest = uow.deployments.list(ORG, shop.service.id, 3, first.next_cursor)
    assert [d.number for d in first.items] == [4, 3, 2]
    assert [d.number for d in rest.items] == [1]
    assert rest.next_cursor is None


def test_a_deployment_number_is_taken_once_per_service(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    with pytest.raises(Conflict), uow:
        uow.deployments.add(a_deployment(shop.service, number=1))


def test_unfinished_deployments_are_those_in_no_terminal_state(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    states = list(DeploymentState)
    with uow:
        for number, state in enumerate(states, 2):
            uow.deployments.add(a_deployment(shop.service, number=number, state=state))
    open_states = [state for state in states if state in ("queued", "waiting", "building")]
    open_states.append(DeploymentState.RELEASING)
    with uow:
        found = uow.deployments.unfinished(ORG, shop.service.id)
        assert found == uow.deployments.unfinished_everywhere()
        assert uow.deployments.unfinished(OTHER_ORG, shop.service.id) == []
    assert [d.state for d in found] == [DeploymentState.QUEUED, *open_states]


def test_the_ledger_keeps_steps_in_the_order_they_began(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    steps = [
        Step(ORG, deployment.id, 1, name, moment(), detail={"job": "x"})
        for name in ("Build", "AcquireLease", "Release")
    ]
    with uow:
        for step in steps:
            uow.steps.begin(step)
    with uow:
        assert uow.steps.list(ORG, deployment.id) == steps
        assert uow.steps.list(OTHER_ORG, deployment.id) == []


def test_a_step_begun_again_counts_its_tries_and_stays_in_its_place(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    build = Step(ORG, deployment.id, 1, "Build", moment())
    release = Step(ORG, deployment.id, 1, "Release", moment())
    with uow:
        uow.steps.begin(build)
        uow.steps.begin(release)
        uow.steps.begin(replace(build, started_at=moment(), actor="another"))
        assert uow.steps.list(ORG, deployment.id) == [replace(build, tries=2), release]


def test_a_closed_step_stays_as_it_is_until_it_begins_again(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    key = (ORG, deployment.id, 1, "Build")
    with uow:
        uow.steps.begin(Step(*key, moment()))
        uow.steps.end(*key, StepOutcome.FAILED, error="BuildFailed", reason="exit 1")
        uow.steps.end(*key, StepOutcome.SUCCEEDED)
        uow.steps.end(ORG, deployment.id, 1, "Unknown", StepOutcome.SUCCEEDED)
        (closed,) = uow.steps.list(ORG, deployment.id)
        assert (closed.outcome, closed.error, closed.reason) == ("failed", "BuildFailed", "exit 1")
        assert closed.ended_at is not None
        uow.steps.begin(Step(*key, moment()))
        (again,) = uow.steps.list(ORG, deployment.id)
        assert (again.outcome, again.tries, again.ended_at) == ("running", 2, None)
        assert (again.error, again.reason) == (None, None)


def test_closing_what_an_attempt_left_open_leaves_other_attempts_alone(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    with uow:
        for attempt, name in ((1, "Build"), (2, "Build"), (2, "Release"), (2, "Done")):
            uow.steps.begin(Step(ORG, deployment.id, attempt, name, moment()))
        uow.steps.end(ORG, deployment.id, 2, "Done", StepOutcome.SUCCEEDED)
        uow.steps.end_open(ORG, deployment.id, 2, StepOutcome.FAILED, reason="agent lost")
    with uow:
        found = [(s.attempt, s.name, s.outcome) for s in uow.steps.list(ORG, deployment.id)]
    assert found == [
        (1, "Build", "running"),
        (2, "Build", "failed"),
        (2, "Release", "failed"),
        (2, "Done", "succeeded"),
    ]


def test_releases_are_numbered_and_found(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    with uow:
        assert uow.releases.next_number(ORG, shop.service.id) == 1
        first = a_release(shop.deployment, state=ReleaseState.RETIRED)
        uow.releases.add(first)
        assert uow.releases.next_number(ORG, shop.service.id) == 2
        live = a_release(shop.deployment, number=2, state=ReleaseState.LIVE, image_size=2**35)
        failed = a_release(shop.deployment, number=3, state=ReleaseState.FAILED)
        uow.releases.add(live)
        uow.releases.add(failed)
    with uow:
        assert uow.releases.get(ORG, live.id) == live
        assert uow.releases.of_deployment(ORG, shop.deployment.id) == failed
        assert uow.releases.of_deployment(ORG, uuid4()) is None
        assert uow.releases.served(ORG, shop.service.id, 10) == [live, first]
        assert uow.releases.served(ORG, shop.service.id, 1) == [live]
        assert uow.releases.served(OTHER_ORG, shop.service.id, 1) == []
        assert uow.releases.all_everywhere() == [first, live, failed]
        uow.releases.save(live.to(ReleaseState.RETIRED))
        assert uow.releases.get(ORG, live.id).state is ReleaseState.RETIRED
    with pytest.raises(NotFound), uow:
        uow.releases.next_number(OTHER_ORG, shop.service.id)
    with pytest.raises(Conflict), uow:
        uow.releases.add(a_release(shop.deployment, number=3))


def test_a_slot_holds_one_instance_that_is_not_gone(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    release = a_release(shop.deployment)
    first = an_instance(release, shop.service)
    second = an_instance(release, shop.service)
    with uow:
        uow.releases.add(release)
        uow.instances.add(first)
    with pytest.raises(Conflict, match="slot 0"), uow:
        uow.instances.add(second)
    with uow:
        uow.instances.save(replace(first, role=InstanceRole.GONE))
        uow.instances.add(second)
        third = an_instance(release, shop.service, slot=1, healthy=False, restart_at=moment())
        uow.instances.add(third)
    with uow:
        assert uow.instances.of_service(ORG, shop.service.id) == [second, third]
        assert uow.instances.of_service(OTHER_ORG, shop.service.id) == []
        assert uow.instances.present_everywhere() == [second, third]
        assert uow.instances.get(ORG, first.id).role is InstanceRole.GONE
    with pytest.raises(Conflict), uow:
        uow.instances.save(first)

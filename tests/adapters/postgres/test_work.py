"""Leases, their line, jobs and agents: on PostgreSQL, and in memory for the tests of others."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import NotFound, StaleFence
from shared.domain.ids import now
from shared.domain.jobs import Agent, JobKind, JobState
from shared.domain.leases import Lease
from shared.ports.store import UnitOfWork
from tests.adapters.postgres.conftest import WORK
from tests.adapters.postgres.made import (
    ORG,
    OTHER_ORG,
    a_deployment,
    a_job,
    a_waiter,
    moment,
    stored_shop,
)

pytestmark = pytest.mark.parametrize("uow", WORK, indirect=True)
EDGE = [kind for kind in JobKind if kind is not JobKind.BUILD]


def test_a_lease_is_made_on_first_use_and_kept(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    with uow:
        assert uow.leases.lock(ORG, shop.service.id) == Lease(ORG, shop.service.id, 0)
        held = Lease(ORG, shop.service.id, 1, shop.deployment.id, moment())
        uow.leases.save(held)
    with uow:
        assert uow.leases.lock(ORG, shop.service.id) == held
        assert uow.leases.held_everywhere() == [held]
        uow.leases.save(replace(held, holder=None))
        assert uow.leases.held_everywhere() == []
    with pytest.raises(NotFound), uow:
        uow.leases.lock(OTHER_ORG, shop.service.id)


def test_the_fence_lets_nobody_through_but_the_holder(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    with pytest.raises(StaleFence), uow:
        uow.leases.check(ORG, shop.service.id, 0)
    with uow:
        uow.leases.lock(ORG, shop.service.id)
        held = Lease(ORG, shop.service.id, 2, shop.deployment.id, moment())
        uow.leases.save(held)
    with uow:
        uow.leases.check(ORG, shop.service.id, 2)
    for number in (1, 3):
        with pytest.raises(StaleFence), uow:
            uow.leases.check(ORG, shop.service.id, number)
    with uow:
        uow.leases.save(replace(held, holder=None))
    with pytest.raises(StaleFence), uow:
        uow.leases.check(ORG, shop.service.id, 2)


def test_those_in_line_stand_by_number_and_keep_their_newest_token(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    later = a_deployment(shop.service, number=5)
    with uow:
        uow.deployments.add(later)
        uow.leases.enqueue(a_waiter(later))
        uow.leases.enqueue(a_waiter(shop.deployment))
        again = a_waiter(later, sealed_token="newer", attempt=2)
        uow.leases.enqueue(again)
    with uow:
        line = uow.leases.waiters(ORG, shop.service.id)
        assert [waiter.deployment_number for waiter in line] == [1, 5]
        assert line[1] == again
        assert uow.leases.waiters(OTHER_ORG, shop.service.id) == []
        uow.leases.leave(ORG, shop.service.id, shop.deployment.id)
        uow.leases.leave(ORG, shop.service.id, shop.deployment.id)
        assert uow.leases.waiters(ORG, shop.service.id) == [again]


def test_a_job_is_recorded_once_per_key_with_the_newer_token(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    job = a_job(deployment)
    with uow:
        assert uow.jobs.add(job) == job
        uow.jobs.save(replace(job, state=JobState.SUCCEEDED, output={"image": "sha256:1"}))
    with uow:
        kept = uow.jobs.add(a_job(deployment, key=job.key, sealed_token="newer"))
        assert (kept.id, kept.sealed_token, kept.output) == (job.id, "newer", {"image": "sha256:1"})
        assert uow.jobs.get(job.id) == kept == uow.jobs.lock(job.id)
        assert uow.jobs.of_deployment(ORG, deployment.id) == [kept]
        assert uow.jobs.of_deployment(OTHER_ORG, deployment.id) == []
        assert uow.jobs.unfinished_everywhere() == []


def test_the_oldest_job_of_the_wanted_kinds_is_handed_out(uow: UnitOfWork) -> None:
    deployment = stored_shop(uow).deployment
    build, gate, later = (
        a_job(deployment, kind)
        for kind in (JobKind.BUILD, JobKind.HEALTH_GATE, JobKind.HEALTH_GATE)
    )
    with uow:
        for job in (later, gate, build):
            uow.jobs.add(job)
    with uow:
        claimed = uow.jobs.claim(EDGE, "agent-1", "hash")
        assert claimed is not None
        assert (claimed.id, claimed.state) == (gate.id, JobState.RUNNING)
        assert (claimed.agent, claimed.token_hash) == ("agent-1", "hash")
        assert claimed.claimed_at is not None
        assert claimed.claimed_at == claimed.heartbeat_at
        assert uow.jobs.get(gate.id) == claimed
        assert uow.jobs.unfinished_everywhere() == [build, claimed, later]
    with uow:
        second = uow.jobs.claim(EDGE, "agent-1", "hash")
        assert second is not None
        assert second.id == later.id
        assert uow.jobs.claim(EDGE, "agent-1", "hash") is None


def test_writers_of_a_service_s_route_are_handed_out_one_at_a_time(uow: UnitOfWork) -> None:
    shop, other = stored_shop(uow), stored_shop(uow, "other")
    switch = a_job(shop.deployment, JobKind.SWITCH_ROUTE)
    verify = a_job(shop.deployment, JobKind.VERIFY_PUBLIC)
    elsewhere = a_job(other.deployment, JobKind.REMOVE_ROUTE)
    drain = a_job(shop.deployment, JobKind.DRAIN)
    with uow:
        for job in (switch, verify, elsewhere, drain):
            uow.jobs.add(job)
    with uow:
        claimed = [uow.jobs.claim(EDGE, "a", "h") for _ in range(4)]
        assert [job and job.id for job in claimed] == [switch.id, elsewhere.id, drain.id, None]
        assert claimed[0] is not None
        uow.jobs.save(replace(claimed[0], state=JobState.SUCCEEDED))
    with uow:
        last = uow.jobs.claim(EDGE, "a", "h")
        assert last is not None
        assert last.id == verify.id


def test_jobs_go_with_their_service(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    job = a_job(shop.deployment)
    with uow:
        uow.jobs.add(job)
        uow.services.remove(ORG, shop.service.id)
    with pytest.raises(NotFound), uow:
        uow.jobs.get(job.id)


def test_an_agent_is_listed_as_last_heard_of(uow: UnitOfWork) -> None:
    first = Agent("b", ("build", "edge"), "1", 2, moment())
    other = Agent("a", ("edge",), "1", 0, moment(), facts={"docker": "20.10"})
    newer = replace(first, running=2, last_seen_at=moment())
    with uow:
        for agent in (first, other, newer):
            uow.agents.seen(agent)
    with uow:
        assert uow.agents.list() == [other, newer]


def test_calls_of_callers_that_died_are_forgotten(uow: UnitOfWork) -> None:
    deployment, old = stored_shop(uow).deployment, now() - timedelta(hours=2)
    with uow:
        kept = uow.jobs.add(a_job(deployment, JobKind.COMPUTE, created_at=now()))
        uow.jobs.add(a_job(deployment, JobKind.COMPUTE, created_at=old))
        other = uow.jobs.add(a_job(deployment, created_at=old))
        assert uow.jobs.prune_everywhere(JobKind.COMPUTE, now() - timedelta(hours=1)) == 1
        assert {j.id for j in uow.jobs.unfinished_everywhere()} == {kept.id, other.id}
        uow.jobs.remove(kept.id)
        uow.jobs.remove(kept.id)
        assert [j.id for j in uow.jobs.unfinished_everywhere()] == [other.id]

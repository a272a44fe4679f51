"""Registration tokens, whose builds they reach, and the depth of queues: the store's part."""

from dataclasses import replace

import pytest

from shared.domain.agents import Depth, Reach
from shared.domain.errors import NotFound
from shared.domain.ids import new_id
from shared.domain.jobs import Agent, JobKind, JobState
from shared.ports.store import UnitOfWork
from tests.adapters.postgres import made
from tests.adapters.postgres.conftest import ALL, WORK
from tests.adapters.postgres.made import ORG, OTHER_ORG, a_job, moment, stored_shop


@pytest.mark.parametrize("uow", ALL, indirect=True)
def test_a_registration_token_is_kept_with_all_it_says(uow: UnitOfWork) -> None:
    token = made.a_registration(organizations=(str(ORG),))
    with uow:
        uow.registrations.add(token)
        uow.registrations.used(token.id, moment())
    with uow:
        kept = uow.registrations.get(token.id)
        assert replace(kept, last_used_at=None) == token
        assert kept.last_used_at is not None
        uow.registrations.save(kept.revoked(moment()))
    with uow:
        assert [each.id for each in uow.registrations.list()] == [token.id]
        assert uow.registrations.get(token.id).revoked_at is not None
    with pytest.raises(NotFound), uow:
        uow.registrations.get(new_id())


@pytest.mark.parametrize("uow", ALL, indirect=True)
def test_an_agent_keeps_its_token_until_it_is_forgotten(uow: UnitOfWork) -> None:
    agent = Agent("b-1", ("build",), "1", 2, moment(), token_id=new_id())
    with uow:
        uow.agents.seen(agent)
    with uow:
        assert uow.agents.list() == [agent]
        uow.agents.forget("b-1")
        uow.agents.forget("b-1")
    with uow:
        assert uow.agents.list() == []


@pytest.mark.parametrize("uow", WORK, indirect=True)
def test_builds_stay_within_reach_and_the_edge_is_everybodys(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    build = a_job(shop.deployment, kind=JobKind.BUILD)
    gate = a_job(shop.deployment, kind=JobKind.HEALTH_GATE)
    kinds = [JobKind.BUILD, JobKind.HEALTH_GATE]
    with uow:
        uow.jobs.add(build)
        uow.jobs.add(gate)
        assert uow.jobs.claim(kinds, "a", "h1", Reach(only=(OTHER_ORG,))) is None
        never = uow.jobs.claim(kinds, "a", "h2", Reach(never=(ORG,)))
        assert never is not None
        assert never.id == gate.id
        mine = uow.jobs.claim(kinds, "a", "h3", Reach(only=(ORG,)))
        assert mine is not None
        assert mine.id == build.id


@pytest.mark.parametrize("uow", WORK, indirect=True)
def test_the_depth_counts_what_is_not_over(uow: UnitOfWork) -> None:
    shop = stored_shop(uow)
    jobs = [a_job(shop.deployment, kind=JobKind.BUILD) for _ in range(3)]
    over = replace(a_job(shop.deployment, kind=JobKind.BUILD), state=JobState.SUCCEEDED)
    with uow:
        for job in (*jobs, over):
            uow.jobs.add(job)
        uow.jobs.claim([JobKind.BUILD], "a", "h")
    with uow:
        first, second = sorted(uow.jobs.depth_everywhere(), key=lambda depth: depth.state)
    oldest = min(job.created_at for job in jobs)
    assert (first.kind, first.state, first.jobs) == ("build", "queued", 2)
    assert second == Depth("build", "running", 1, oldest)

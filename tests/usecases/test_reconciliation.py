"""Nothing stays stuck: whatever its maker left behind is started, answered or ended."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.deployments import Deployment, DeploymentState
from shared.domain.errors import Transient
from shared.domain.ids import now
from shared.domain.jobs import JobKind, JobState
from shared.domain.resources import ResourceState
from shared.ports.workflows import ExecutionStatus
from shared.usecases import building, claiming, compensation, jobs, reconciliation, releasing
from tests.usecases.world import ORGANIZATION, POLICY, World

NO_AGENT = timedelta(seconds=120)


@pytest.fixture
def line(world: World) -> reconciliation.Line:
    return reconciliation.Line(world.store, world.workflows, world.vault)


def age(world: World, deployment: Deployment, seconds: int = 60) -> None:
    """Make a deployment and its jobs look old."""
    with world.store:
        found = world.store.deployments.get(ORGANIZATION, deployment.id)
        then = now() - timedelta(seconds=seconds)
        world.store.deployments.save(replace(found, updated_at=then))
        for job in world.store.jobs.of_deployment(ORGANIZATION, deployment.id):
            world.store.jobs.save(
                replace(
                    job,
                    created_at=then,
                    claimed_at=job.claimed_at and then,
                    heartbeat_at=job.heartbeat_at and then,
                    ended_at=job.ended_at and then,
                )
            )


def test_an_execution_that_was_never_started_is_started(
    world: World, line: reconciliation.Line
) -> None:
    made = world.deploy(world.service())
    world.workflows.executions.clear()
    reconciliation.resume_deployments(line, compute=world.compute)
    assert world.workflows.executions == {}, "it is too young: its maker may still be at it"
    age(world, made)
    reconciliation.resume_deployments(line, compute=world.compute)
    assert list(world.workflows.executions) == [f"{made.id}-1"]


def test_a_deployment_whose_execution_ended_is_undone_and_ended(
    world: World, line: reconciliation.Line
) -> None:
    service = world.service()
    made = world.deploy(service)
    world.acquire(made)
    world.build(made)
    releasing.create_release(world.attempt(made), uow=world.store, images=world.compute)
    world.start(made)
    world.workflows.end(f"{made.id}-1", ExecutionStatus.TIMED_OUT, "States.Timeout", "")
    age(world, made)
    reconciliation.resume_deployments(line, compute=world.compute)
    ended = world.get(made)
    assert (ended.state, ended.error) == (DeploymentState.FAILED, "States.Timeout")
    assert "took longer than its time limit" in (ended.reason or "")
    assert world.compute.running == []


def test_a_silent_agents_job_fails_its_state_with_that_reason(
    world: World, line: reconciliation.Line
) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    attempt = world.attempt(made)
    building.request_build(attempt, policy=POLICY, **world.line)
    claim = world.claim("build")
    jobs.heartbeat(claim.job.id, claim.token, **world.line)
    assert reconciliation.end_lost_jobs(line, no_agent_after=NO_AGENT) == 0
    age(world, made, 61)
    assert reconciliation.end_lost_jobs(line, no_agent_after=NO_AGENT) == 1
    answer = world.workflows.answers[attempt.task_token or ""]
    assert isinstance(answer, tuple)
    assert answer[0] == "AgentLost"
    assert "agent-1 stopped answering during Build" in answer[1]


def test_a_queued_job_keeps_its_state_waiting_while_an_agent_lives(
    world: World, line: reconciliation.Line
) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    attempt = world.attempt(made)
    building.request_build(attempt, policy=POLICY, **world.line)
    from shared.domain.jobs import Agent

    with world.store:
        world.store.agents.seen(Agent("a", ("build",), "1", 1, now()))
    age(world, made, 3600)
    assert reconciliation.end_lost_jobs(line, no_agent_after=NO_AGENT) == 0
    assert world.workflows.beats == [attempt.task_token]


def test_without_any_agent_a_queued_job_ends_with_what_to_do(
    world: World, line: reconciliation.Line
) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    attempt = world.attempt(made)
    building.request_build(attempt, policy=POLICY, **world.line)
    age(world, made, 130)
    assert reconciliation.end_lost_jobs(line, no_agent_after=NO_AGENT) == 1
    answer = world.workflows.answers[attempt.task_token or ""]
    assert isinstance(answer, tuple)
    assert "no agent with the role build is connected" in answer[1]


def test_a_lost_answer_of_a_finished_job_is_sent_again(
    world: World, line: reconciliation.Line
) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    world.build(made)
    token = next(t for t, a in world.workflows.answers.items() if a and "job" in a)
    del world.workflows.answers[token]
    age(world, made)
    reconciliation.repeat_answers(line)
    assert "job" in (world.workflows.answers[token] or {})  # type: ignore[operator]


def test_a_lease_of_a_deployment_that_ended_goes_to_the_next(
    world: World, line: reconciliation.Line
) -> None:
    service = world.service(overlap="queue")
    first, second = world.deploy(service), world.deploy(service)
    world.acquire(first)
    token = world.acquire(second)
    with world.store:
        found = world.store.deployments.get(ORGANIZATION, first.id)
        world.store.deployments.save(found.to(DeploymentState.FAILED, reason="x"))
    reconciliation.wake_lines(line)
    assert world.workflows.answers[token] == {"lease": 2}


def test_what_could_not_be_removed_is_listed_and_goes_when_it_can(
    world: World, line: reconciliation.Line
) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    world.build(made)
    releasing.create_release(world.attempt(made), uow=world.store, images=world.compute)
    world.start(made)
    world.compute.fail("remove", Transient("the engine is busy"), times=2)
    with pytest.raises(Transient, match="1 of 1 resources stay"):
        compensation.undo(world.attempt(made), uow=world.store, compute=world.compute)
    compensation.give_up(world.attempt(made), uow=world.store)
    failure = compensation.Failure("HealthCheckFailed", "no")
    compensation.mark_failed(world.attempt(made), failure, **world.line)
    listed = resources(world, ResourceState.NEEDS_ATTENTION)
    assert [(r.kind, r.reason) for r in listed] == [("instance", "the engine is busy")]
    assert reconciliation.retry_removals(uow=world.store, compute=world.compute) == 1
    assert reconciliation.retry_removals(uow=world.store, compute=world.compute) == 0
    assert resources(world, ResourceState.NEEDS_ATTENTION) == []
    assert world.compute.instances == {}


def resources(world: World, state: ResourceState):  # type: ignore[no-untyped-def]
    with world.store:
        return list(world.store.resources.list(ORGANIZATION, state, 50, None).items)


def test_the_watch_of_a_dead_edge_is_handed_out_again(world: World) -> None:
    from shared.domain.jobs import Agent

    def claim() -> claiming.Claim | None:
        return claiming.claim(Agent("edge-1", ("edge",), "1", 1, now()), ["edge"], uow=world.store)

    first = claim()
    assert first is not None
    assert first.job.kind is JobKind.WATCH
    assert claim() is None
    with world.store:
        job = world.store.jobs.get(first.job.id)
        old = now() - timedelta(seconds=30)
        world.store.jobs.save(replace(job, claimed_at=old, heartbeat_at=old))
    second = claim()
    assert second is not None
    assert second.job.id != first.job.id
    with world.store:
        assert world.store.jobs.get(first.job.id).state is JobState.FAILED

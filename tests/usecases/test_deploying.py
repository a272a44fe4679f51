"""From an accepted deployment to a live one, and what that leaves."""

import pytest

from shared.domain.deployments import DeploymentState
from shared.domain.errors import Conflict, Invalid, NotFound, StaleFence
from shared.domain.releases import InstanceRole
from shared.domain.services import ServiceState
from shared.usecases import deployments, instances, routing
from tests.usecases.world import ADDRESSES, ORGANIZATION, OTHER, World


def test_a_deployment_starts_one_execution_named_by_its_attempt(world: World) -> None:
    made = world.deploy(world.service())
    assert made.state is DeploymentState.QUEUED
    assert list(world.workflows.executions) == [f"{made.id}-1"]
    assert world.workflows.inputs[f"{made.id}-1"]["entry"] == "build"


def test_the_first_deployment_goes_live_and_serves(world: World) -> None:
    service = world.service()
    made = world.deploy(service)
    world.go_live(made)
    assert world.get(made).state is DeploymentState.LIVE
    assert world.get_service(service).state is ServiceState.LIVE
    serving = world.instances(service)[InstanceRole.SERVING]
    assert world.runs(serving)
    assert world.route(service) == serving.target == f"127.64.0.{4 * service.ordinal}:17080"


def test_the_ledger_tells_every_step_once(world: World) -> None:
    made = world.deploy(world.service())
    world.go_live(made)
    with world.store:
        steps = world.store.steps.list(made.organization_id, made.id)
    assert [(s.name, s.outcome, s.tries) for s in steps] == [
        (name, "skipped" if name == "Drain" else "succeeded", 1)
        for name in (
            "AcquireLease",
            "Build",
            "CreateRelease",
            "CreateInstance",
            "StartApp",
            "HealthGate",
            "SwitchRoute",
            "VerifyPublic",
            "MarkLive",
            "Drain",
            "RetireOld",
        )
    ]


def test_the_old_version_is_kept_warm_and_the_one_before_it_is_retired(world: World) -> None:
    service = world.service()
    for _ in range(3):
        world.go_live(world.deploy(service))
    roles = world.instances(service)
    assert set(roles) == {InstanceRole.SERVING, InstanceRole.PREVIOUS}
    assert all(world.runs(i) for i in roles.values())
    assert len(world.compute.running) == 2


def test_running_a_step_twice_makes_one_instance(world: World) -> None:
    service = world.service()
    made = world.deploy(service)
    world.acquire(made)
    world.build(made)
    from shared.usecases import releasing

    for _ in range(2):
        releasing.create_release(world.attempt(made), uow=world.store, images=world.compute)
    world.start(made)
    world.start(made)
    assert len(world.compute.running) == 1


def test_an_older_holder_of_the_lease_touches_nothing(world: World) -> None:
    service = world.service()
    first = world.deploy(service)
    world.acquire(first)
    stale = world.attempt(first)
    world.fail(first, "BuildFailed", "it does not build")
    second = world.deploy(service)
    world.acquire(second)
    with pytest.raises(StaleFence):
        instances.start_app(stale, uow=world.store, compute=world.compute)
    assert world.compute.running == []


def test_a_failed_build_ends_with_its_reason_and_the_next_deployment_runs(world: World) -> None:
    service = world.service()
    first = world.deploy(service)
    world.acquire(first)
    world.fail(first, "BuildFailed", '{"errorMessage": "pip found no version of flsk"}')
    ended = world.get(first)
    assert (ended.state, ended.error) == (DeploymentState.FAILED, "BuildFailed")
    assert ended.reason == "pip found no version of flsk"
    second = world.deploy(service)
    token = world.acquire(second)
    assert world.workflows.answers[token] == {"lease": 2}


def test_a_version_that_fails_its_health_gate_leaves_the_old_one_serving(world: World) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    before = world.instances(service)[InstanceRole.SERVING]
    second = world.deploy(service)
    world.acquire(second)
    world.build(second)
    from shared.usecases import releasing

    releasing.create_release(world.attempt(second), uow=world.store, images=world.compute)
    world.start(second)
    assert len(world.compute.running) == 2
    world.fail(second, "HealthCheckFailed", "it listens on port 3000, not 8000")
    assert world.instances(service) == {InstanceRole.SERVING: before}
    assert len(world.compute.running) == 1
    assert world.get_service(service).state is ServiceState.LIVE
    assert world.route(service) == before.target


def test_a_failure_after_the_switch_leads_the_route_back(world: World) -> None:
    service = world.service()
    world.go_live(world.deploy(service))
    before = world.instances(service)[InstanceRole.SERVING]
    second = world.deploy(service)
    world.acquire(second)
    world.build(second)
    from shared.domain.jobs import JobKind
    from shared.usecases import releasing

    releasing.create_release(world.attempt(second), uow=world.store, images=world.compute)
    world.start(second)
    routing.switch_route(
        world.attempt(second), domain="localhost", heartbeat_limit=60, **world.line
    )
    world.work(JobKind.SWITCH_ROUTE)
    assert world.route(service) != before.target
    world.fail(second, "RouteFailed", "no answer")
    claim = world.claim()
    assert claim.job.step == "RestoreRoute"
    assert claim.job.spec["target"] == before.target == world.route(service)


def test_another_organisation_cannot_deploy_it(world: World) -> None:
    service = world.service()
    with pytest.raises(NotFound):
        deployments.deploy(OTHER, service.id, actor="eve", **world.line)


def test_a_service_without_a_source_says_what_to_set(world: World) -> None:
    from shared.usecases.services import create_service

    service = create_service(
        world.project.organization_id,
        world.project.id,
        name="x",
        settings={},
        domain="x",
        uow=world.store,
    )
    with pytest.raises(Invalid, match=r"set source\.repository_url"):
        world.deploy(service)


def test_a_live_deployment_cannot_be_cancelled_or_retried(world: World) -> None:
    made = world.deploy(world.service())
    world.go_live(made)
    with pytest.raises(Conflict, match="live already"):
        deployments.cancel(made.organization_id, made.id, **world.line)
    with pytest.raises(Conflict, match="deploy again"):
        deployments.retry(made.organization_id, made.id, uow=world.store, workflows=world.workflows)


def test_a_host_name_belongs_to_one_service_of_the_platform(world: World) -> None:
    from shared.usecases.projects import create_project
    from shared.usecases.services import create_service

    org = world.project.organization_id
    create_service(
        org, world.project.id, name="a-b", settings={}, domain="localhost", uow=world.store
    )
    other = create_project(org, name="b-shop", description="", uow=world.store)
    with pytest.raises(Conflict, match=r"a-b-shop\.localhost"):
        create_service(org, other.id, name="a", settings={}, domain="localhost", uow=world.store)


def test_an_image_that_exists_is_pinned_and_needs_no_build(world: World) -> None:
    service = world.service()
    world.compute.images["sha256:ready"] = {"sha256:ready", "acme/api:latest"}
    made = world.deploy(service, image="acme/api:latest")
    world.acquire(made)
    world.release(made)
    with world.store:
        release = world.store.releases.of_deployment(made.organization_id, made.id)
    assert release is not None
    assert (release.image, release.run.port) == ("sha256:ready", 8080)
    assert "Build" not in {s.name for s in world.steps(made)}


def test_a_pre_deploy_command_runs_once_and_goes_away(world: World) -> None:
    from shared.domain.jobs import JobKind
    from shared.usecases import pre_deploy, releasing

    service = world.service(run={"pre_deploy_command": "migrate"})
    made = world.deploy(service)
    world.acquire(made)
    world.build(made)
    created = releasing.create_release(world.attempt(made), uow=world.store, images=world.compute)
    assert created.pre_deploy
    for _ in range(2):
        pre_deploy.pre_deploy_command(
            world.attempt(made),
            timeout_seconds=60,
            heartbeat_limit=60,
            compute=world.compute,
            addresses=ADDRESSES,
            **world.line,
        )
    assert world.compute.calls.count("start") == 1
    world.work(JobKind.PRE_DEPLOY)
    world.fail(made, "HealthCheckFailed")
    assert world.compute.instances == {}


def test_a_cancel_while_the_pre_deploy_command_starts_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.domain.errors import Cancelled
    from shared.usecases import pre_deploy, releasing

    service = world.service(run={"pre_deploy_command": "migrate"})
    made = world.deploy(service)
    world.acquire(made)
    world.build(made)
    releasing.create_release(world.attempt(made), uow=world.store, images=world.compute)
    start = world.compute.start

    def start_and_be_cancelled(provider_id: str) -> None:
        start(provider_id)
        deployments.cancel(ORGANIZATION, made.id, **world.line)

    monkeypatch.setattr(world.compute, "start", start_and_be_cancelled)
    with pytest.raises(Cancelled):
        pre_deploy.pre_deploy_command(
            world.attempt(made),
            timeout_seconds=60,
            heartbeat_limit=60,
            compute=world.compute,
            addresses=ADDRESSES,
            **world.line,
        )
    with world.store:
        assert not [j for j in world.store.jobs.unfinished_everywhere() if j.sealed_token]
    world.fail(made, "Cancelled")
    assert world.compute.instances == {}


def test_what_failed_in_a_nested_execution_is_named(world: World) -> None:
    made = world.deploy(world.service())
    world.acquire(made)
    world.build(made)
    inner = '{"Cause": "it took too long", "Error": "States.Timeout", "Status": "FAILED"}'
    world.fail(made, "States.TaskFailed", inner)
    assert world.get(made).error == "States.Timeout"

"""A request's preview: made, changed, closed with it, and nothing left of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.deployments import DeploymentState, Trigger
from shared.domain.events import RequestAction
from shared.domain.jobs import JobKind
from shared.domain.previews import PreviewState
from shared.domain.services import HealthCheck, Limits, ServiceState
from shared.usecases import building, deletion, jobs, previews
from shared.usecases.services import update_service
from tests.usecases.git_world import Connected
from tests.usecases.requests import (
    CLOSED,
    FIRST,
    FORK,
    OPENED,
    SECOND,
    UPDATED,
    Requests,
    deployed,
    skipped,
)
from tests.usecases.world import ORGANIZATION, POLICY

WEEK = timedelta(days=7)


def finish_deletions(requests: Requests) -> None:
    world = requests.world
    for _ in range(5):
        deletion.finish_deletions(
            uow=world.store, compute=world.compute, images=world.compute, networks=world.compute
        )
        with world.store as uow:
            removals = [
                job for job in uow.jobs.unfinished_everywhere() if job.kind is JobKind.REMOVE_ROUTE
            ]
        for _ in removals:
            world.work(JobKind.REMOVE_ROUTE)


def test_an_opened_request_gets_a_service_of_its_own_with_its_head_deployed(
    requests: Requests,
) -> None:
    update_service(
        ORGANIZATION,
        requests.service.id,
        settings={
            "health": {"path": "/up"},
            "limits": {"memory_mb": 1024},
            "run": {"port": 3000},
            "deletion_protection": True,
        },
        uow=requests.world.store,
    )
    deployment_id = deployed(requests.on(OPENED))
    running, [deployment] = requests.running(), requests.deployments()
    assert str(deployment.id) == deployment_id
    assert (deployment.sha, deployment.ref) == (FIRST, "refs/pull/7/head")
    assert (deployment.trigger, deployment.actor) == (Trigger.PREVIEW, "grace")
    assert deployment.execution in requests.world.workflows.executions
    assert (running.slug, running.name, running.preview_of) == (
        "web-pr-7",
        "web #7",
        requests.service.id,
    )
    assert (running.autodeploy, running.deletion_protection) == (False, False)
    assert (running.health, running.limits) == (HealthCheck("/up"), Limits(memory_mb=1024))
    assert running.run.port == 3000
    assert running.source is not None
    assert not running.source.previews
    with requests.world.store as uow:
        route = uow.routes.get(ORGANIZATION, running.id)
    assert route.hosts == ("web-pr-7-shop.localhost",)
    preview = requests.preview()
    assert (preview.state, preview.expires_at - preview.updated_at) == (PreviewState.ACTIVE, WEEK)


def test_a_new_commit_is_deployed_on_the_same_service(requests: Requests) -> None:
    requests.on(OPENED)
    service = requests.running()
    deployed(requests.on(UPDATED))
    assert requests.running().id == service.id
    assert [d.sha for d in requests.deployments()] == [SECOND, FIRST]
    assert requests.preview().sha == SECOND


@pytest.mark.parametrize("event", [OPENED, replace(OPENED, action=RequestAction.UPDATED)])
def test_the_same_news_twice_is_one_deployment(requests: Requests, event: object) -> None:
    first = deployed(requests.on(OPENED))
    requests.world.workflows.executions.clear()
    assert deployed(requests.on(event)) == first  # type: ignore[arg-type]
    assert len(requests.deployments()) == 1
    assert len(requests.world.workflows.executions) == 1, "started again, should it not have been"


def test_a_closed_request_leaves_nothing_behind(requests: Requests) -> None:
    requests.on(OPENED)
    [deployment] = requests.deployments()
    requests.world.go_live(deployment)
    assert requests.world.compute.running != []
    assert "its preview is removed" in skipped(requests.on(CLOSED))
    assert requests.services() == {"web": "new", "web-pr-7": "deleting"}
    finish_deletions(requests)
    assert requests.services() == {"web": "new"}
    assert requests.world.compute.running == []
    preview = requests.preview()
    assert (preview.state, preview.reason) == (PreviewState.CLOSED, "request 7 was closed")
    skipped(requests.on(CLOSED))


def test_a_request_closed_during_its_build_stops_the_build(requests: Requests) -> None:
    requests.on(OPENED)
    [deployment] = requests.deployments()
    world = requests.world
    world.acquire(deployment)
    building.request_build(world.attempt(deployment), policy=POLICY, **world.line)
    requests.on(CLOSED)
    claim = world.claim("build")
    assert jobs.heartbeat(claim.job.id, claim.token, **world.line).cancel_requested
    jobs.finish(
        claim.job.id,
        claim.token,
        outcome="cancelled",
        output={},
        error=None,
        reason=None,
        **world.line,
    )
    world.fail(deployment, "Cancelled")
    assert world.get(deployment).state is DeploymentState.CANCELLED
    finish_deletions(requests)
    assert requests.services() == {"web": "new"}


def test_a_reopened_request_gets_its_preview_again_while_the_old_one_is_going(
    requests: Requests,
) -> None:
    requests.on(OPENED)
    first = requests.running()
    requests.on(CLOSED)
    deployed(requests.on(OPENED))
    second = requests.running()
    assert (second.slug, second.id == first.id) == ("web-pr-7-2", False)
    assert requests.preview().state is PreviewState.ACTIVE
    assert requests.preview().reason is None
    requests.on(CLOSED)
    requests.world.fail(_only(requests, first.id), "Cancelled")
    requests.world.fail(_only(requests, second.id), "Cancelled")
    finish_deletions(requests)
    deployed(requests.on(OPENED))
    assert requests.running().slug == "web-pr-7"


def _only(requests: Requests, service_id: object) -> object:
    with requests.world.store as uow:
        [found] = uow.deployments.list(ORGANIZATION, service_id, 10, None).items  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (replace(OPENED, base_branch="next"), "into next, not main"),
        (replace(OPENED, action=RequestAction.OTHER), "nothing of the request's code"),
        (replace(CLOSED, merged=True), "request 7 was merged"),
    ],
)
def test_what_concerns_no_preview_is_skipped_with_the_reason(
    requests: Requests, event: object, reason: str
) -> None:
    assert reason in skipped(requests.on(event))  # type: ignore[arg-type]
    assert requests.services() == {"web": "new"}


def test_a_request_that_turns_to_another_branch_loses_its_preview(requests: Requests) -> None:
    requests.on(OPENED)
    skipped(requests.on(replace(OPENED, action=RequestAction.OTHER, base_branch="next")))
    assert requests.preview().state is PreviewState.CLOSED


def test_a_service_without_previews_gets_none(requests: Requests, git: Connected) -> None:
    plain = git.service("plain")
    assert skipped(requests.on(OPENED, plain)) == "previews are off for this service"


def test_a_preview_has_no_previews(requests: Requests) -> None:
    requests.on(OPENED)
    said = skipped(requests.on(replace(OPENED, number=8), requests.running()))
    assert said == "a preview has no previews of its own"


def test_two_services_of_one_repository_have_a_preview_each(
    requests: Requests, git: Connected
) -> None:
    api = git.service("api", previews=True)
    deployed(requests.on(OPENED))
    deployed(requests.on(OPENED, api))
    assert set(requests.services()) == {"web", "api", "web-pr-7", "api-pr-7"}


def test_a_member_removes_a_preview_and_may_ask_first(requests: Requests) -> None:
    requests.on(OPENED)
    preview = requests.preview()

    def remove(**how: bool) -> None:
        previews.remove(ORGANIZATION, preview.id, actor="ada", uow=requests.world.store, **how)

    remove(dry_run=True)
    assert requests.preview().state is PreviewState.ACTIVE
    remove(dry_run=False)
    remove(dry_run=False)
    assert requests.preview().reason == "removed by ada"
    assert requests.services()["web-pr-7"] == "deleting"


def test_deleting_the_service_takes_its_previews_along(requests: Requests) -> None:
    requests.on(OPENED)
    requests.on(replace(FORK, number=8))
    for deployment in requests.deployments():
        requests.world.fail(deployment, "Cancelled")
    deletion.delete_service(
        ORGANIZATION, requests.service.id, dry_run=False, uow=requests.world.store
    )
    assert requests.services() == {"web": "deleting", "web-pr-7": "deleting"}
    assert {requests.preview(n).state for n in (7, 8)} == {PreviewState.CLOSED}
    finish_deletions(requests)
    assert requests.services() == {}


def test_deleting_a_previews_own_service_closes_the_preview(requests: Requests) -> None:
    requests.on(OPENED)
    deletion.delete_service(
        ORGANIZATION, requests.running().id, dry_run=False, uow=requests.world.store
    )
    preview = requests.preview()
    assert (preview.state, preview.reason) == (
        PreviewState.CLOSED,
        "the service web #7 was deleted",
    )
    deployed(requests.on(UPDATED))
    assert requests.running().state is ServiceState.NEW


def test_a_service_being_deleted_gets_no_previews(requests: Requests, git: Connected) -> None:
    git.world.go_live(git.world.deploy(requests.service))
    deletion.delete_service(
        ORGANIZATION, requests.service.id, dry_run=False, uow=requests.world.store
    )
    assert skipped(requests.on(OPENED)) == "the service web is being deleted"

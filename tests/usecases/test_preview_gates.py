"""Who may have a preview, how many, for how long, and under which name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import Conflict, QuotaExceeded
from shared.domain.git import Provider
from shared.domain.ids import now
from shared.domain.previews import PreviewState, head_ref, preview_slug
from shared.domain.routes import Route
from shared.usecases.services import update_service
from tests.usecases.git_world import Connected
from tests.usecases.requests import (
    CLOSED,
    FIRST,
    FORK,
    FORK_UPDATED,
    OPENED,
    SECOND,
    UPDATED,
    Requests,
    deployed,
    skipped,
)
from tests.usecases.world import ORGANIZATION

WEEK = timedelta(days=7)


def test_a_commit_of_a_fork_runs_when_it_was_approved(requests: Requests) -> None:
    assert "from a fork" in skipped(requests.on(FORK))
    assert requests.services() == {"web": "new"}
    approved = requests.approve(FIRST)
    assert (approved.state, approved.approved_by) == (PreviewState.ACTIVE, "ada")
    assert requests.services() == {"web": "new", "web-pr-7": "new"}
    requests.approve(FIRST)
    assert len(requests.deployments()) == 1
    deployed(requests.on(FORK))
    assert len(requests.deployments()) == 1


def test_an_approval_is_for_one_commit(requests: Requests) -> None:
    requests.on(FORK)
    requests.approve(FIRST)
    assert "from a fork" in skipped(requests.on(FORK_UPDATED))
    preview = requests.preview()
    assert (preview.state, preview.approved_by) == (PreviewState.AWAITING_APPROVAL, None)
    assert [d.sha for d in requests.deployments()] == [FIRST], "what was approved runs on"
    with pytest.raises(Conflict, match=SECOND):
        requests.approve(FIRST)
    requests.approve(SECOND)
    assert [d.sha for d in requests.deployments()] == [SECOND, FIRST]


def test_what_was_closed_is_not_approved(requests: Requests) -> None:
    requests.on(FORK)
    requests.on(replace(CLOSED, from_fork=True))
    with pytest.raises(Conflict, match="was closed"):
        requests.approve(FIRST)


def test_the_most_previews_are_counted_and_the_reason_is_kept(git: Connected) -> None:
    requests = Requests(git, limit=2)
    for number in (1, 2):
        deployed(requests.on(replace(OPENED, number=number)))
    assert "2 previews of web run already" in skipped(requests.on(replace(OPENED, number=3)))
    third = requests.preview(3)
    assert third.state is PreviewState.CLOSED
    assert third.reason is not None
    assert "2 previews of web run already" in third.reason
    requests.on(replace(FORK, number=4))
    with pytest.raises(QuotaExceeded):
        requests.approve(FIRST, 4)
    requests.on(replace(CLOSED, number=1))
    deployed(requests.on(replace(UPDATED, number=3)))


def test_a_preview_ends_a_week_after_its_last_commit_and_returns_with_the_next(
    requests: Requests,
) -> None:
    requests.on(OPENED)
    assert requests.pass_time(WEEK - timedelta(minutes=1)) == 0
    assert requests.pass_time(WEEK) == 1
    assert requests.pass_time(WEEK) == 0
    assert requests.services()["web-pr-7"] == "deleting"
    reason = requests.preview().reason
    assert reason is not None
    assert "no new commit" in reason
    deployed(requests.on(UPDATED))


def test_previews_end_when_they_are_switched_off_or_the_repository_changes(
    requests: Requests, git: Connected
) -> None:
    requests.on(OPENED)
    source = git.source(requests.service)
    with git.world.store as uow:
        uow.sources.put(replace(source, repository_id="9"))
    assert requests.pass_time(timedelta()) == 1
    with git.world.store as uow:
        uow.sources.put(source)
    requests.on(OPENED)
    off = {"source": {"previews": False}}
    update_service(ORGANIZATION, requests.service.id, settings=off, uow=git.world.store)
    assert requests.pass_time(timedelta()) == 1
    assert requests.preview().reason == "previews of web were switched off"


def test_previews_host_names_that_are_taken_are_said(requests: Requests, git: Connected) -> None:
    with git.world.store as uow:
        route = Route(
            ORGANIZATION, requests.service.id, ("web-pr-7-shop.localhost",), None, 9, now()
        )
        uow.routes.save(route)
    assert skipped(requests.on(OPENED)).startswith("no preview: ")
    assert requests.services() == {"web": "new"}


@pytest.mark.parametrize(
    ("slug", "taken", "made"),
    [
        ("web", (), "web-pr-7"),
        ("web", ("web-pr-7", "web-pr-7-2"), "web-pr-7-3"),
        ("w" * 40, (), "w" * 35 + "-pr-7"),
        ("a" * 34 + "-bcd", (), "a" * 34 + "-pr-7"),
    ],
)
def test_slugs_of_previews_are_host_names(slug: str, taken: tuple[str, ...], made: str) -> None:
    assert preview_slug(slug, 7, taken) == made


def test_both_providers_keep_a_requests_head_in_the_repository_itself() -> None:
    assert head_ref(Provider.GITHUB, 7) == "refs/pull/7/head"
    assert head_ref(Provider.GITLAB, 7) == "refs/merge-requests/7/head"

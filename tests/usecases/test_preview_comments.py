"""The comment on a request: one, true, and written when the provider can be reached."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import AccessLost, NotFound, Transient
from shared.domain.ids import now
from shared.usecases import outbox, preview_comments
from tests.usecases.git_world import ADDRESSES, Connected, later
from tests.usecases.requests import CLOSED, FIRST, FORK, OPENED, SECOND, UPDATED, Requests

HOUR = timedelta(hours=1)


def text(git: Connected) -> str:
    [only] = git.host.comments.values()
    return only


def test_one_comment_is_rewritten_with_each_change(requests: Requests, git: Connected) -> None:
    requests.on(OPENED)
    assert requests.comment() == 1
    assert requests.comment() == 0
    assert "| State | Queued |" in text(git)
    assert f"`{FIRST}`" in text(git)
    assert "http://web-pr-7-shop.localhost:7080" in text(git)
    [deployment] = requests.deployments()
    assert f"/deployments/{deployment.id}" in text(git)
    requests.world.go_live(deployment)
    assert requests.comment() == 1, "what happened in between is told as one"
    assert "| State | Live |" in text(git)
    requests.on(UPDATED)
    requests.comment()
    assert f"`{SECOND}`" in text(git)
    requests.on(CLOSED)
    requests.comment()
    assert text(git) == "**Preview of web**: removed\n\n`request 7 was closed`\n"
    requests.on(OPENED)
    requests.comment()
    assert "| State | Queued |" in text(git)
    assert list(git.host.comments) == ["comment-1"]


def test_a_failure_is_told_with_its_reason_as_code(requests: Requests, git: Connected) -> None:
    requests.on(OPENED)
    [deployment] = requests.deployments()
    git.move(deployment, "failed", reason="npm `ci`\nsays @everyone [x](http://evil)")
    requests.comment()
    assert "| State | Failed |" in text(git)
    assert "\n`npm 'ci' says @everyone [x](http://evil)`\n" in text(git)


def test_a_fork_is_told_what_it_waits_for(requests: Requests, git: Connected) -> None:
    requests.on(FORK)
    requests.comment()
    assert "| State | Waiting for approval |" in text(git)
    assert "`c2d previews approve shop/web 7`" in text(git)
    requests.approve(FIRST)
    requests.comment()
    assert "| State | Queued |" in text(git)


def test_too_many_previews_are_told_on_the_request(git: Connected) -> None:
    requests = Requests(git, limit=0)
    requests.on(OPENED)
    requests.comment()
    assert "0 previews of web run already" in text(git)


def test_a_provider_that_is_down_is_told_later(requests: Requests, git: Connected) -> None:
    requests.on(OPENED)
    git.host.error = Transient("down")
    assert requests.comment() == 0
    stored = requests.preview()
    assert (stored.tries, stored.error) == (1, "down")
    assert requests.comment() == 0, "not at once"
    git.host.error = None
    assert requests.comment(now() + HOUR) == 1
    assert (requests.preview().tries, requests.preview().error) == (0, None)


def test_after_a_day_without_an_answer_it_waits_for_news(
    requests: Requests, git: Connected
) -> None:
    requests.on(OPENED)
    git.host.error = Transient("down")
    day = timedelta(days=1, hours=1)
    with later(day, preview_comments, outbox) as at:
        assert requests.comment(at) == 0
    assert requests.preview().error == "given up after a day: down"
    git.host.error = None
    assert requests.comment(now() + 2 * day) == 0
    requests.on(UPDATED)
    assert requests.comment(now() + 2 * day) == 1


@pytest.mark.parametrize("error", [AccessLost("closed"), NotFound("gone")])
def test_without_access_it_waits_for_news(
    requests: Requests, git: Connected, error: AccessLost | NotFound
) -> None:
    requests.on(OPENED)
    git.host.error = error
    assert requests.comment() == 0
    lost = git.source(requests.service).lost_reason
    assert lost == ("closed" if isinstance(error, AccessLost) else None)
    assert requests.comment(now() + HOUR) == 0
    git.host.error = None
    requests.on(UPDATED)
    assert requests.comment(now() + HOUR) == 1


def test_a_commit_that_comes_while_the_comment_is_written_makes_no_second_comment(
    requests: Requests, git: Connected
) -> None:
    requests.on(OPENED)

    def meanwhile() -> None:
        git.host.before = None
        requests.on(UPDATED)
        assert requests.comment() == 0, "somebody is at it"

    git.host.before = meanwhile
    assert requests.comment() == 2
    assert f"`{SECOND}`" in text(git)


def test_whoever_lost_the_claim_keeps_what_the_other_said(
    requests: Requests, git: Connected
) -> None:
    requests.on(OPENED)
    hung = preview_comments.claim_comment(uow=git.world.store, at=now())
    assert hung is not None
    assert requests.comment(now() + 2 * outbox.CLAIM) == 1
    told = preview_comments.send_comment(
        hung, uow=git.world.store, reach=git.host.reach, at=ADDRESSES
    )
    assert (told, list(git.host.comments)) == (False, ["comment-1"])


def test_nobody_is_told_of_a_service_that_is_gone(requests: Requests, git: Connected) -> None:
    requests.on(OPENED)
    with git.world.store as uow:
        uow.sources.put(replace(git.source_in(uow, requests.service), repository_id="9"))
    assert requests.comment() == 0
    assert git.host.written == 0

"""GitLab as a new user meets it: sign in, connect, import, push, status, preview, delete."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.apps import app
from tests.e2e.conftest import short_folder
from tests.e2e.git_story import CONTEXT, NAME, Story, ending, outage, story_of, tell
from tests.e2e.platform import until
from tests.standins.gitlab import GitLabServer

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story[GitLabServer]]:
    folder = short_folder(tmp_path_factory)
    with GitLabServer(folder / "gitlab") as server, story_of(folder, server, "gitlab") as story:
        yield story


@pytest.fixture(scope="module")
def service(story: Story[GitLabServer]) -> dict[str, Any]:
    """Connected and imported in the browser."""
    connection = story.connect()
    assert (connection["account_name"], connection["state"]) == ("ada", "active")
    return story.import_repository(previews=True)


def ours(story: Story[GitLabServer], sha: str) -> list[str]:
    """The states of our status on a commit, newest first."""
    found = story.server.statuses_of(NAME, sha)
    return [status.status for status in found if status.name.startswith(CONTEXT)]


def test_a_push_is_deployed_and_its_commit_says_so(
    story: Story[GitLabServer], service: dict[str, Any]
) -> None:
    work = story.clone()
    sha = work.push(app("two"), "two")

    deployment = tell(story, sha, "two", service)

    until(lambda: ours(story, sha)[:1] == ["success"], "the commit's status", 20)
    status = story.server.statuses_of(NAME, sha)[0]
    assert deployment["id"] in (status.target_url or "")
    record = story.server.deployments_of(NAME)[-1]
    assert record.sha == sha
    until(lambda: record.status == "success", "the deployment's end at GitLab", 20)
    environment = record.environment
    until(lambda: environment.external_url == service["url"], "the environment's address", 20)
    assert story.verdicts("Push Hook") == {"deployed"}


def test_a_request_gets_a_preview_that_follows_it_and_goes_with_it(
    story: Story[GitLabServer], service: dict[str, Any]
) -> None:
    work = story.clone()
    work.push(app("preview one"), "a feature", "feature")
    request = story.server.open_request(NAME, "feature")
    preview = story.preview_of(service["id"], request)
    assert story.client.get(preview).text == "preview one"
    until(
        lambda: [c for c in story.server.comments_of(request) if preview["url"] in c.body],
        "a note with the address",
        20,
    )

    sha = work.push(app("preview two"), "a better feature", "feature")
    until(lambda: story.client.get(preview).text == "preview two", "the preview's new version", 90)
    until(lambda: ours(story, sha)[:1] == ["success"], "the status on the request's head", 20)

    story.server.close_request(request, merge=True)
    gone = f"/services/{preview['id']}"
    until(lambda: story.client.http.get(gone).status_code == 404, "the preview's end", 60)
    assert len(story.server.comments_of(request)) == 1
    tell(story, sha, "preview two", service)  # merged: the branch has moved


def test_a_push_waits_for_the_commits_own_checks(
    story: Story[GitLabServer], service: dict[str, Any]
) -> None:
    work, path = story.clone(), f"/services/{service['id']}"
    chosen = {"connection_id": story.connection, "repository": NAME, "branch": "main"}
    story.call("PATCH", path, json={"source": {**chosen, "wait_for_ci": True}})
    try:
        sha = work.push(app("checked"), "checked first")
        story.server.set_job(NAME, sha, "running")
        until(
            lambda: [d for d in story.deliveries() if d["sha"] == sha and d["reason"]],
            "a reason to wait",
        )
        (pushed,) = (d for d in story.deliveries() if d["sha"] == sha and d["ref"] == "main")
        assert (pushed["state"], pushed["deployment_ids"]) == ("waiting", [])
        story.server.set_job(NAME, sha, "success")
        tell(story, sha, "checked", service)
    finally:
        story.call("PATCH", path, json={"source": {**chosen, "wait_for_ci": False}})


def test_a_token_that_has_ended_is_renewed_and_the_status_comes(
    story: Story[GitLabServer], service: dict[str, Any]
) -> None:
    work, before = story.clone(), story.server.accounts.refreshes
    for token in story.server.accounts.tokens.values():
        if token.client_id is not None:
            token.revoked = True
    story.platform.rows(
        "UPDATE git_connections SET token_expires_at = now() - interval '1 minute' RETURNING id"
    )
    sha = work.push(app("renewed"), "with a new token")

    tell(story, sha, "renewed", service)

    until(lambda: ours(story, sha)[:1] == ["success"], "the commit's status", 20)
    assert story.server.accounts.refreshes == before + 1


def test_a_provider_that_is_down_delays_the_status_and_blocks_nothing(
    story: Story[GitLabServer], service: dict[str, Any]
) -> None:
    outage(story, service, "(POST|GET|PUT) /api/v4/", lambda sha: ours(story, sha))


def test_what_was_not_delivered_is_found_by_the_sweep(
    story: Story[GitLabServer], service: dict[str, Any]
) -> None:
    sha = story.lost_push(story.clone(), "swept")

    tell(story, sha, "swept", service)


def test_the_webhook_goes_with_the_service(
    story: Story[GitLabServer], service: dict[str, Any]
) -> None:
    ending(story, service)

"""GitHub as a new user meets it: sign in, connect, import, push, status, preview, delete."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.apps import app
from tests.e2e.conftest import short_folder
from tests.e2e.git_story import CONTEXT, NAME, Story, ending, outage, story_of, tell
from tests.e2e.platform import until
from tests.standins.github import GitHubServer

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story[GitHubServer]]:
    folder = short_folder(tmp_path_factory)
    with GitHubServer(folder / "github") as server, story_of(folder, server, "github") as story:
        yield story


@pytest.fixture(scope="module")
def service(story: Story[GitHubServer]) -> dict[str, Any]:
    """Connected and imported from the terminal."""
    story.connect_from_terminal()
    return story.import_from_terminal()


def ours(story: Story[GitHubServer], sha: str) -> list[str]:
    """The states of our status on a commit, newest first."""
    found = story.server.statuses_of(NAME, sha)
    return [status.state for status in found if status.context.startswith(CONTEXT)]


def test_a_push_is_deployed_and_its_commit_says_so(
    story: Story[GitHubServer], service: dict[str, Any]
) -> None:
    work = story.clone()
    sha = work.push(app("two"), "two")

    deployment = tell(story, sha, "two", service)

    until(lambda: ours(story, sha)[:1] == ["success"], "the commit's status", 20)
    status = story.server.statuses_of(NAME, sha)[0]
    assert deployment["id"] in (status.target_url or "")
    record = story.server.deployments_of(NAME)[-1]
    assert record.sha == sha
    until(lambda: record.state == "success", "the deployment record's end", 20)
    assert record.statuses[-1].environment_url == service["url"]
    assert story.verdicts("push") == {"deployed"}


def test_a_request_gets_a_preview_that_follows_it_and_goes_with_it(
    story: Story[GitHubServer], service: dict[str, Any]
) -> None:
    work = story.clone()
    work.push(app("preview one"), "a feature", "feature")
    request = story.server.open_request(NAME, "feature")
    preview = story.preview_of(service["id"], request)
    assert story.client.get(preview).text == "preview one"
    assert preview["url"] != service["url"]
    until(
        lambda: [c for c in story.server.comments_of(request) if preview["url"] in c.body],
        "a comment with the address",
        20,
    )

    sha = work.push(app("preview two"), "a better feature", "feature")
    until(lambda: story.client.get(preview).text == "preview two", "the preview's new version", 90)
    until(lambda: ours(story, sha)[:1] == ["success"], "the status on the request's head", 20)

    story.server.close_request(request)
    gone = f"/services/{preview['id']}"
    until(lambda: story.client.http.get(gone).status_code == 404, "the preview's end", 60)
    assert story.client.get(preview).status_code == 404
    assert {each["state"] for each in story.previews(service["id"])} == {"closed"}
    assert len(story.server.comments_of(request)) == 1


def test_a_forks_request_waits_until_somebody_has_read_its_commit(
    story: Story[GitHubServer], service: dict[str, Any]
) -> None:
    fork = story.server.fork(NAME, "eve")
    sha = story.server.push("eve/shop", app("from a fork"), branch="patch")
    request = story.server.open_request(NAME, "patch", head=fork)
    (preview,) = until(
        lambda: [p for p in story.previews(service["id"]) if p["number"] == request.number],
        "the fork's preview",
    )
    assert (preview["state"], preview["preview_service_id"]) == ("awaiting_approval", None)

    story.call("POST", f"/previews/{preview['id']}/approve", json={"sha": sha})

    running = story.preview_of(service["id"], request)
    assert story.client.get(running).text == "from a fork"
    story.server.close_request(request)
    gone = f"/services/{running['id']}"
    until(lambda: story.client.http.get(gone).status_code == 404, "the preview's end", 60)


def test_a_provider_that_is_down_delays_the_status_and_blocks_nothing(
    story: Story[GitHubServer], service: dict[str, Any]
) -> None:
    outage(story, service, "(POST|GET|PATCH) /api/v3/", lambda sha: ours(story, sha))


def test_what_was_not_delivered_is_found_by_the_sweep(
    story: Story[GitHubServer], service: dict[str, Any]
) -> None:
    sha = story.lost_push(story.clone(), "swept")

    tell(story, sha, "swept", service)


def test_the_webhook_goes_with_the_service(
    story: Story[GitHubServer], service: dict[str, Any]
) -> None:
    ending(story, service)

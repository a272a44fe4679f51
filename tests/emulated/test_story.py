"""A push to GitHub becomes a running service, through AWS's interfaces only."""

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.apps import app
from tests.e2e.client import Client
from tests.e2e.platform import until
from tests.emulated.allowed import permits
from tests.emulated.cloud import ACCOUNT, REGION
from tests.emulated.edge import Machine
from tests.emulated.home import Home
from tests.emulated.iam import every
from tests.emulated.recording import Recorder, write
from tests.emulated.story import NAME, Story
from tests.standins.github import GitHubServer

pytestmark = [pytest.mark.docker, pytest.mark.postgres, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def story(
    aws: Home, outside: Machine, client: Client, ticking: None, github: GitHubServer
) -> Story:
    began = time.monotonic()
    github.add_repository(NAME, app("zero"))
    story = Story(aws, outside, github, client)
    story.connect()
    story.make_service()
    print(f"account, service, webhook: {time.monotonic() - began:.1f} s", flush=True)
    return story


@pytest.fixture(autouse=True)
def _timed(request: pytest.FixtureRequest) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"{request.node.name}: {time.monotonic() - began:.1f} s", flush=True)


def test_a_signed_push_is_built_outside_and_answers_at_its_address(story: Story) -> None:
    first = story.push("one")

    deployment = story.ended(first, "live")

    until(lambda: story.client.get(story.service).text == "one", "the version at its address")
    story.reported(first, "success")
    record = story.github.deployments_of(NAME)[-1]
    assert record.sha == first
    until(lambda: record.state == "success", "the deployment record's end", 60)
    [attempt] = [a for a in story.github.dispatcher.attempts if a.event == "push"][-1:]
    assert attempt.status == 202
    passed = story.executed(deployment, "deploy", "release")
    assert passed["deploy"][:2] == ["AcquireLease", "Entry"]
    assert passed["release"][-1] == "Released"


def test_an_unsigned_push_is_refused(story: Story) -> None:
    assert story.forged_push() == 401


def test_the_next_push_replaces_what_serves(story: Story) -> None:
    """Every function has been called before, so this is what a deployment uses."""
    recorder = Recorder.start(story.aws.cloud)
    second = story.push("two")

    deployment = story.ended(second, "live")

    until(lambda: story.client.get(story.service).text == "two", "the next version")
    story.executed(deployment, "deploy", "release")
    used = recorder.recorded(deployment["id"])
    milliseconds = sum(call["ms"] for call in used["lambda"])
    print(f"{used['transitions']} transitions, {len(used['lambda'])} calls of functions,")
    print(f"{milliseconds:.0f} ms, {used['requests']}, {used['aws_calls']}")
    assert set(used["transitions"]) == {"deploy", "release"}
    assert used["queue_messages"] >= 1
    if os.environ.get("C2D_RECORD"):
        write(used)
    until(lambda: len(story.machine.containers()) <= 2, "the end of what no longer serves")


def test_a_cancelled_build_ends_and_the_old_version_serves(story: Story) -> None:
    sha = story.push("never", build="RUN sleep 100")
    deployment = story.begun(sha, "building")

    story.client.call("POST", f"/deployments/{deployment['id']}/cancel")

    story.ended(sha, "cancelled")
    story.reported(sha, "error", "failure")
    assert story.client.get(story.service).text == "two"


def test_a_build_that_fails_says_why(story: Story) -> None:
    sha = story.push("broken", build="RUN exit 7")

    ended = story.ended(sha, "failed")

    assert ended["error"] == "BuildFailed"
    story.reported(sha, "failure", "error")
    assert story.client.get(story.service).text == "two"


def test_a_version_that_is_not_healthy_never_serves(story: Story) -> None:
    sha = story.push("sick", before="sys.exit(3)")

    ended = story.ended(sha, "failed")

    assert ended["error"] == "HealthCheckFailed"
    assert "code 3" in ended["reason"]
    assert story.client.get(story.service).text == "two"


def test_a_rollback_brings_the_first_version_back(story: Story) -> None:
    target = story.deployment_of("one")
    path = f"/services/{story.service['id']}/rollback/{target['id']}"

    answer: dict[str, Any] = story.client.call("POST", path)

    until(lambda: story.client.get(story.service).text == "one", "the first version again", 90)
    done = story.client.ended(answer["deployment"]["id"])
    assert done["state"] == "live", done


def test_every_call_of_aws_was_within_the_policy_of_its_function(story: Story) -> None:
    cloud = story.aws.cloud
    functions = {function.logical_id: function for function in every()}
    key = cloud.resources(story.aws.stack)["SecretsKey"]
    given = {
        "Prefix": "click-to-deploy-local",
        "KmsKey": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}",
    }
    seen = {(call.function, call.action, call.resource): call for call in cloud.calls.calls}

    assert len(seen) > 30
    assert [c for c in seen.values() if not permits(functions[c.function], c, given)] == []

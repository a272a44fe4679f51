"""Every event a provider can send is taken, and has a verdict with a reason."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from shared.domain.git import Provider
from shared.domain.webhooks import Verdict
from tests.consumers import gitlab_payloads
from tests.consumers.inbox import Inbox
from tests.domain.detection.test_real_projects import tarball

PUBLISHED = "@octokit/webhooks-examples@7.6.1"
EVENTS = 58


@cache
def published() -> list[dict[str, Any]]:
    """Real deliveries of each event type, as GitHub's own client publishes them."""
    file = tarball(PUBLISHED) / "api.github.com" / "index.json"
    found: list[dict[str, Any]] = json.loads(file.read_text())
    return found


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    for group in published():
        for example in group["examples"]:
            yield group["name"], example


def mine(inbox: Inbox, payload: dict[str, Any]) -> dict[str, Any]:
    """The same payload about this inbox's repository."""
    about = payload.get("repository")
    if isinstance(about, dict):
        payload = {**payload, "repository": {**about, "id": int(inbox.repository.id)}}
    return payload


def test_each_of_githubs_58_event_types_is_taken_and_has_a_verdict_with_a_reason() -> None:
    inbox = Inbox()
    inbox.service(previews=True, tag_pattern="*", branch="master", wait_for_ci=False)
    seen: dict[str, set[Verdict | None]] = {}
    count = 0
    for event, payload in examples():
        decided = inbox.decided(mine(inbox, payload), event)
        assert decided.reason, (event, payload)
        seen.setdefault(event, set()).add(decided.verdict)
        count += 1
    assert len(seen) == EVENTS
    assert count > 150
    verdicts = set().union(*seen.values())
    assert verdicts == {Verdict.DEPLOYED, Verdict.SKIPPED}
    assert {event for event, found in seen.items() if Verdict.DEPLOYED in found} == {
        "push",
        "pull_request",
    }
    assert inbox.queue.receive(10) == []


def test_a_published_push_deploys_a_tag_and_a_deletion_does_not() -> None:
    inbox = Inbox()
    web = inbox.service(tag_pattern="*")
    pushes = [mine(inbox, payload) for event, payload in examples() if event == "push"]
    reasons = {inbox.decided(payload).reason for payload in pushes}
    assert any("was deleted" in (reason or "") for reason in reasons)
    deployed = {d.sha for d in inbox.deployments(web)}
    commits = {p["head_commit"]["id"] for p in pushes if p["head_commit"]}
    assert deployed
    assert deployed <= commits


@pytest.mark.parametrize(
    ("event", "payload", "verdict"),
    gitlab_payloads.ALL,
    ids=[f"{event}-{number}" for number, (event, _, _) in enumerate(gitlab_payloads.ALL)],
)
def test_each_of_gitlabs_events_is_taken_and_has_a_verdict_with_a_reason(
    event: str, payload: dict[str, Any], verdict: Verdict
) -> None:
    inbox = Inbox(provider=Provider.GITLAB, repository_id=gitlab_payloads.PROJECT_ID)
    inbox.repository = inbox.host.add("mike/diaspora", id=gitlab_payloads.PROJECT_ID)
    inbox.service(branch="master", tag_pattern="v*", previews=True)
    decided = inbox.decided(payload, event)
    assert (decided.verdict, bool(decided.reason)) == (verdict, True), decided.reason

"""Pushes that overtake each other or wait for checks, and requests that lead to previews."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.domain.deployments import Trigger
from shared.domain.errors import Transient
from shared.domain.webhooks import Verdict
from shared.ports.git import Checks
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha


class TestOrder:
    def test_a_push_that_arrives_after_the_one_that_followed_it_does_not_go_back(
        self, inbox: Inbox
    ) -> None:
        web = inbox.service()
        inbox.decided(inbox.push("three", before="two"))
        late = inbox.decided(inbox.push("two", before="one"))
        assert late.verdict is Verdict.SKIPPED
        assert "the push that followed it" in (late.reason or "")
        assert [d.sha for d in inbox.deployments(web)] == [a_sha("three")]

    def test_also_when_several_lie_between(self, inbox: Inbox) -> None:
        web = inbox.service()
        inbox.decided(inbox.push("four", before="three"))
        inbox.deliver(inbox.push("three", before="two"))
        assert inbox.decided(inbox.push("two", before="one")).verdict is Verdict.SKIPPED
        assert [d.sha for d in inbox.deployments(web)] == [a_sha("four")]

    def test_a_branch_that_is_put_back_is_deployed_as_it_is(self, inbox: Inbox) -> None:
        web = inbox.service()
        for after, before in (("two", "one"), ("one", "two"), ("two", "one"), ("one", "two")):
            inbox.later(seconds=1)
            inbox.decided(inbox.push(after, before=before, forced=True))
        assert [d.sha for d in inbox.deployments(web)] == [
            a_sha(name) for name in ("two", "one", "two", "one")
        ]

    def test_a_branch_of_the_same_commits_is_another_branch(self, inbox: Inbox) -> None:
        web = inbox.service()
        inbox.decided(inbox.push("three", before="two", ref="refs/heads/dev"))
        assert inbox.decided(inbox.push("two", before="one")).verdict is Verdict.DEPLOYED
        assert len(inbox.deployments(web)) == 1

    def test_replayed_on_purpose_it_goes_back(self, inbox: Inbox) -> None:
        web = inbox.service()
        first = inbox.decided(inbox.push("two", before="one"))
        inbox.decided(inbox.push("three", before="two"))
        inbox.replay(first)
        inbox.consume()
        assert [d.sha for d in inbox.deployments(web)] == [
            a_sha(name) for name in ("two", "three", "two")
        ]
        again = inbox.get(first)
        assert again.verdict is Verdict.DEPLOYED
        assert len(again.deployment_ids) == 2


class TestChecks:
    def test_a_push_waits_and_is_deployed_when_its_checks_pass(self, inbox: Inbox) -> None:
        web = inbox.service(wait_for_ci=True)
        inbox.host.checked = Checks.PENDING
        held = inbox.decided(inbox.push())
        assert (held.verdict, held.reason) == (None, "web: waiting for the commit's checks")
        inbox.host.checked = Checks.PASSED
        ended = {"action": "completed", "check_suite": {"head_sha": a_sha("one")}}
        told = inbox.decided(ended, "check_suite")
        assert (told.verdict, told.reason) == (
            Verdict.SKIPPED,
            f"1 waiting push(es) of {a_sha('one')[:12]} looked at again",
        )
        assert inbox.get(held).verdict is Verdict.DEPLOYED
        assert len(inbox.deployments(web)) == 1

    def test_nobody_needs_to_tell(self, inbox: Inbox) -> None:
        inbox.service(wait_for_ci=True)
        inbox.host.checked = Checks.PENDING
        held = inbox.decided(inbox.push())
        inbox.host.checked = Checks.PASSED
        inbox.later(seconds=61)
        assert inbox.queue_again() == 1
        inbox.consume()
        assert inbox.get(held).verdict is Verdict.DEPLOYED

    @pytest.mark.parametrize(
        ("checks", "hours", "reason"),
        [
            (Checks.FAILED, 0, "the commit's checks failed"),
            (Checks.PENDING, 1, "the commit's checks did not pass within 60 minutes"),
            (Checks.NONE, 1, "nobody reported checks of the commit within 60 minutes"),
        ],
    )
    def test_or_is_skipped(self, inbox: Inbox, checks: Checks, hours: int, reason: str) -> None:
        web = inbox.service(wait_for_ci=True)
        inbox.host.checked = checks
        held = inbox.decided(inbox.push())
        if hours:
            assert held.verdict is None
            inbox.later(hours=hours)
            inbox.queue_again()
            inbox.consume()
        found = inbox.get(held)
        assert (found.verdict, found.reason) == (Verdict.SKIPPED, f"web: {reason}")
        assert inbox.deployments(web) == []

    def test_a_provider_that_is_away_is_asked_again(self, inbox: Inbox) -> None:
        web = inbox.service(wait_for_ci=True)
        inbox.host.error = Transient("down")
        held = inbox.decided(inbox.push())
        inbox.host.error = None
        inbox.host.checked = Checks.PASSED
        for _ in range(2):
            inbox.later(seconds=61)
            inbox.queue_again()
            inbox.consume()
        assert inbox.get(held).verdict is Verdict.DEPLOYED
        assert len(inbox.deployments(web)) == 1

    def test_other_services_of_the_repository_do_not_wait(self, inbox: Inbox) -> None:
        careful = inbox.service("careful", wait_for_ci=True)
        quick = inbox.service("quick")
        inbox.host.checked = Checks.PENDING
        held = inbox.decided(inbox.push())
        assert held.verdict is None
        assert len(held.deployment_ids) == len(inbox.deployments(quick)) == 1
        inbox.host.checked = Checks.FAILED
        inbox.later(seconds=61)
        inbox.queue_again()
        inbox.consume()
        decided = inbox.get(held)
        assert decided.verdict is Verdict.DEPLOYED
        assert "careful: the commit's checks failed" in (decided.reason or "")
        assert len(inbox.deployments(quick)) == 1, "not once more"
        assert inbox.deployments(careful) == []

    def test_a_push_that_would_not_deploy_asks_nobody(self, inbox: Inbox) -> None:
        inbox.service(wait_for_ci=True)
        inbox.decided(inbox.push(ref="refs/heads/dev"))
        assert "checks" not in inbox.host.calls


def test_a_held_push_gives_up_when_its_patience_ends_even_with_the_provider_away(
    inbox: Inbox,
) -> None:
    inbox.service(wait_for_ci=True)
    inbox.host.error = Transient("down")
    held = inbox.decided(inbox.push())
    inbox.later(hours=1)
    inbox.queue_again()
    inbox.consume()
    assert inbox.get(held).verdict is Verdict.SKIPPED
    assert inbox.at - held.created_at == timedelta(hours=1)


class TestRequests:
    def request(self, inbox: Inbox, action: str = "opened") -> dict[str, Any]:
        repo = {"id": int(inbox.repository.id)}
        return {
            "action": action,
            "pull_request": {
                "number": 7,
                "title": "Better",
                "user": {"login": "bob"},
                "head": {"ref": "better", "sha": a_sha("head"), "repo": repo},
                "base": {"ref": "main", "repo": repo},
                "merged": False,
            },
            "repository": inbox.push()["repository"],
        }

    def test_a_service_without_previews_skips_it(self, inbox: Inbox) -> None:
        inbox.service()
        delivery = inbox.decided(self.request(inbox), "pull_request")
        assert delivery.verdict is Verdict.SKIPPED
        assert delivery.reason == "web: previews are off for this service"

    def test_with_previews_it_leads_to_one_once(self, inbox: Inbox) -> None:
        inbox.service(previews=True)
        delivery = inbox.decided(self.request(inbox), "pull_request")
        assert delivery.verdict is Verdict.DEPLOYED
        assert (delivery.reason or "").startswith("web: ")
        with inbox.store as uow:
            [id_] = delivery.deployment_ids
            deployment = uow.deployments.get(inbox.org, UUID(id_))
        assert (deployment.trigger, deployment.sha) == (Trigger.PREVIEW, a_sha("head"))
        assert list(inbox.workflows.executions) == [deployment.execution]

    def test_a_push_to_its_branch_does_not_deploy_the_preview_again(self, inbox: Inbox) -> None:
        web = inbox.service()
        preview = inbox.service("web-pr-7", branch="better")
        inbox.change(preview, preview_of=web.id)
        inbox.decided(inbox.push(ref="refs/heads/better"))
        assert inbox.deployments(preview) == []

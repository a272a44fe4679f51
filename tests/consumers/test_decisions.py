"""What a delivery leads to: deployed, skipped or waiting, always with a reason, and only once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.domain.deployments import DeploymentState, Trigger
from shared.domain.errors import AccessLost, Conflict, Transient
from shared.domain.git import Provider
from shared.domain.services import OverlapPolicy, ServiceState
from shared.domain.webhooks import Verdict
from shared.ports.git import Checks
from shared.usecases.deciding import MOST_FAILURES
from tests.consumers.inbox import Inbox, a_sha
from tests.fakes.queue import FakeQueue
from tests.fakes.workflows import FakeWorkflows


def test_a_push_deploys_exactly_its_commit_in_its_pushers_name(inbox: Inbox) -> None:
    web = inbox.service()
    delivery = inbox.decided(inbox.push("two", message="Fix the shop"))
    [deployment] = inbox.deployments(web)
    assert (deployment.sha, deployment.ref) == (a_sha("two"), "main")
    assert (deployment.trigger, deployment.actor) == (Trigger.PUSH, "ada")
    assert (deployment.commit_message, deployment.commit_author) == ("Fix the shop", "Ada")
    assert deployment.execution in inbox.workflows.executions
    assert delivery.verdict is Verdict.DEPLOYED
    assert delivery.reason == f"web: deployed {a_sha('two')[:12]} as #1"
    assert delivery.deployment_ids == (str(deployment.id),)


SKIPPED: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    ("branch", {}, {"ref": "refs/heads/dev"}, "a push to dev; main deploys this service"),
    ("tag", {}, {"ref": "refs/tags/v1"}, "a tag (v1), and no tag deploys this service"),
    (
        "other tag",
        {"tag_pattern": "v*"},
        {"ref": "refs/tags/nightly"},
        "the tag nightly does not match v*",
    ),
    (
        "deleted",
        {},
        {"after": "0" * 40, "deleted": True, "head_commit": None, "commits": []},
        "the branch main was deleted",
    ),
    ("skip ci", {}, {"message": "docs [skip ci]"}, "the commit's message says [skip ci]"),
    ("ci skip", {}, {"message": "docs\n\n[CI Skip]"}, "the commit's message says [CI Skip]"),
    ("skip deploy", {}, {"message": "[skip deploy]"}, "the commit's message says [skip deploy]"),
    (
        "folder",
        {"root_directory": "shop"},
        {"files": ["docs/a.md", "shopping/b"]},
        "no file below shop has changed",
    ),
    (
        "watch paths",
        {"watch_paths": ("src/**", "!src/docs/")},
        {"files": ["src/docs/a.md", "README.md"]},
        "no changed file matches the watch paths src/**, !src/docs/",
    ),
]


@pytest.mark.parametrize(
    ("source", "fields", "reason"), [s[1:] for s in SKIPPED], ids=[s[0] for s in SKIPPED]
)
def test_skipped_with_the_reason(
    inbox: Inbox, source: dict[str, Any], fields: dict[str, Any], reason: str
) -> None:
    web = inbox.service(**source)
    payload = {**inbox.push(**{k: v for k, v in fields.items() if k != "after"})}
    delivery = inbox.decided({**payload, **{k: v for k, v in fields.items() if k == "after"}})
    assert (delivery.verdict, delivery.reason) == (Verdict.SKIPPED, f"web: {reason}")
    assert inbox.deployments(web) == []


DEPLOYED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a tag that matches", {"tag_pattern": "v*"}, {"ref": "refs/tags/v1.2"}),
    ("below the folder", {"root_directory": "shop"}, {"files": ["a.md", "shop/b"]}),
    ("a watched file", {"watch_paths": ["*.py"]}, {"files": ["deep/down/a.py"]}),
    ("outside the folder, but watched", {"root_directory": "a", "watch_paths": ["/lib"]},
     {"files": ["lib/b"]}),
    ("forced: what went is not listed", {"root_directory": "shop"}, {"forced": True}),
    ("no commit is listed", {"root_directory": "shop"}, {"commits": []}),
    ("the branch is new", {"root_directory": "shop"}, {"before": None}),
    ("the default branch, where none is set", {"branch": None}, {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "fields"), [d[1:] for d in DEPLOYED], ids=[d[0] for d in DEPLOYED]
)
def test_deployed(inbox: Inbox, source: dict[str, Any], fields: dict[str, Any]) -> None:
    web = inbox.service(**source)
    payload = inbox.push(**{k: v for k, v in fields.items() if k != "before"})
    if "before" in fields:
        payload["before"] = "0" * 40
    assert inbox.decided(payload).verdict is Verdict.DEPLOYED
    assert len(inbox.deployments(web)) == 1


def test_an_annotated_tag_deploys_the_commit_it_points_at(inbox: Inbox) -> None:
    web = inbox.service(tag_pattern="v*")
    payload = {**inbox.push("commit", ref="refs/tags/v1"), "after": a_sha("the tag's own object")}
    inbox.decided(payload)
    assert inbox.deployments(web)[0].sha == a_sha("commit")


def test_one_delivery_has_one_verdict_that_says_what_each_service_does(inbox: Inbox) -> None:
    shop = inbox.service("shop")
    docs = inbox.service("docs", root_directory="docs")
    paused = inbox.service("paused")
    inbox.change(paused, autodeploy=False)
    gone = inbox.service("gone")
    inbox.change(gone, state=ServiceState.DELETING)
    delivery = inbox.decided(inbox.push())
    assert delivery.verdict is Verdict.DEPLOYED
    assert {*(delivery.reason or "").split("; ")} == {
        f"shop: deployed {a_sha('one')[:12]} as #1",
        "docs: no file below docs has changed",
        "paused: deploying on push is paused for this service",
        "gone: the service is being deleted",
    }
    assert [len(inbox.deployments(s)) for s in (shop, docs, paused, gone)] == [1, 0, 0, 0]


def test_without_a_service_a_push_is_skipped(inbox: Inbox) -> None:
    delivery = inbox.decided(inbox.push())
    assert delivery.verdict is Verdict.SKIPPED
    assert delivery.reason == "no service is built from this repository"


def test_two_organisations_on_one_repository_both_get_their_deployment() -> None:
    ours = Inbox()
    theirs = Inbox(ours.store, ours.queue, UUID(int=2), workflows=ours.workflows)
    web, site = ours.service(), theirs.service()
    for inbox in (ours, theirs):
        inbox.deliver(inbox.push(), **{"x-github-delivery": "the same id"})
    ours.consume()
    assert len(ours.deployments(web)) == len(theirs.deployments(site)) == 1
    assert ours.deployments(web)[0].organization_id == ours.org
    assert theirs.deployments(site)[0].organization_id == theirs.org
    assert len(ours.workflows.executions) == 2


def test_a_push_cancels_what_runs_where_that_is_the_policy(inbox: Inbox) -> None:
    web = inbox.service()
    inbox.change(web, overlap=OverlapPolicy.CANCEL_PREVIOUS)
    inbox.decided(inbox.push("one"))
    inbox.decided(inbox.push("two", before="one"))
    first, second = inbox.deployments(web)
    assert (first.cancel_requested, second.cancel_requested) == (True, False)


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


class TestFailures:
    def test_one_that_cannot_be_decided_is_dead_after_five_failures_and_can_be_replayed(
        self, inbox: Inbox
    ) -> None:
        web = inbox.service()
        assert isinstance(inbox.queue, FakeQueue)
        inbox.fails = ValueError("a bug")
        poison = inbox.deliver(inbox.push("one")).delivery
        inbox.consume()
        dead = inbox.get(poison)
        assert (dead.failures, dead.dead, dead.verdict) == (MOST_FAILURES, True, None)
        assert dead.reason == "ValueError"
        assert [m.body["delivery_id"] for m in inbox.queue.dead(10)] == [str(poison.id)]
        inbox.later(hours=1)
        assert inbox.queue_again() == 0, "a dead one waits for a person"
        inbox.fails = None
        inbox.queue.redrive(10)
        inbox.consume()
        assert inbox.get(poison).dead, "its old message does not bring it back"
        inbox.replay(poison)
        inbox.consume()
        assert inbox.get(poison).verdict is Verdict.DEPLOYED
        assert len(inbox.deployments(web)) == 1

    def test_it_keeps_those_behind_it_waiting_and_then_lets_them_go(self, inbox: Inbox) -> None:
        web = inbox.service()
        inbox.fails = AccessLost("gone")
        inbox.deliver(inbox.push("one"))
        inbox.deliver(inbox.push("two", before="one"))
        inbox.consume(most=5)
        assert [d.failures for d in inbox.all()] == [5, 0]
        inbox.fails = None
        inbox.consume()
        assert [d.sha for d in inbox.deployments(web)] == [a_sha("two")]

    def test_sent_again_by_the_provider_a_dead_one_comes_back(self, inbox: Inbox) -> None:
        inbox.service()
        inbox.fails = ValueError("a bug")
        dead = inbox.decided(inbox.push(), **{"x-github-delivery": "again"})
        assert dead.dead
        inbox.fails = None
        assert inbox.decided(inbox.push(), **{"x-github-delivery": "again"}).id == dead.id
        assert inbox.get(dead).verdict is Verdict.DEPLOYED

    def test_what_is_only_away_is_not_counted(self, inbox: Inbox) -> None:
        inbox.service()
        inbox.fails = Transient("the database is away")
        held = inbox.decided(inbox.push())
        assert (held.failures, held.dead) == (0, False)
        inbox.fails = None
        inbox.later(minutes=2)
        assert inbox.queue_again() == 1
        inbox.consume()
        assert inbox.get(held).verdict is Verdict.DEPLOYED

    def test_only_what_has_content_and_an_end_is_replayed(self, inbox: Inbox) -> None:
        waiting = inbox.deliver(inbox.push()).delivery
        with pytest.raises(Conflict, match="waits"):
            inbox.replay(waiting)
        rejected = inbox.take(inbox.incoming(b"not json")).delivery
        with pytest.raises(Conflict, match="send it again"):
            inbox.replay(rejected)


class TestDeaths:
    def test_killed_between_decision_and_start_it_is_started_by_whoever_comes_next(
        self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        web = inbox.service()
        with monkeypatch.context() as dying:
            dying.setattr(FakeWorkflows, "start", _dies)
            delivery = inbox.deliver(inbox.push()).delivery
            with pytest.raises(KeyboardInterrupt):
                inbox.consume()
        decided = inbox.get(delivery)
        assert decided.verdict is Verdict.DEPLOYED
        assert inbox.workflows.executions == {}
        inbox.later(minutes=3)
        inbox.consume()
        assert inbox.get(delivery) == decided
        [deployment] = inbox.deployments(web)
        assert list(inbox.workflows.executions) == [deployment.execution]

    def test_what_was_started_and_ended_is_not_started_again(self, inbox: Inbox) -> None:
        web = inbox.service()
        delivery = inbox.decided(inbox.push())
        [deployment] = inbox.deployments(web)
        with inbox.store as uow:
            uow.deployments.save(deployment.to(DeploymentState.FAILED))
        inbox.workflows.executions.clear()
        inbox.queue.send(
            {"organization_id": str(inbox.org), "delivery_id": str(delivery.id)},
            group="g",
            deduplication_id="late",
        )
        inbox.consume()
        assert inbox.workflows.executions == {}

    def test_a_hook_that_is_gone_takes_its_deliveries_along(self, inbox: Inbox) -> None:
        inbox.service()
        inbox.deliver(inbox.push())
        with inbox.store as uow:
            uow.hooks.remove(inbox.org, inbox.hook.id)
        assert inbox.consume() == 1
        assert inbox.queue.receive(1) == []


def _dies(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_consumer_that_is_away_for_an_hour_finds_few_repetitions(inbox: Inbox) -> None:
    inbox.service()
    assert isinstance(inbox.queue, FakeQueue)
    for number in range(20):
        inbox.deliver(inbox.push(str(number), before=str(number - 1)))
    for _ in range(60 * 12):
        inbox.later(seconds=5)
        inbox.queue_again()
    assert inbox.queue.sent <= 20 * 8
    inbox.consume()
    assert {d.verdict for d in inbox.all()} == {Verdict.DEPLOYED}


def test_gitlabs_pushes_deploy_too() -> None:
    inbox = Inbox(provider=Provider.GITLAB)
    web = inbox.service()
    sha = a_sha("one")
    payload = {
        "object_kind": "push",
        "ref": "refs/heads/main",
        "before": a_sha("zero"),
        "after": sha,
        "checkout_sha": sha,
        "user_name": "Ada Lovelace",
        "user_username": "ada",
        "project": {"id": int(inbox.repository.id), "path_with_namespace": "acme/web"},
        "commits": [
            {"id": sha, "message": "Fix", "author": {"name": "Ada"}, "modified": ["app.py"]}
        ],
        "total_commits_count": 1,
    }
    assert inbox.decided(payload, "Push Hook").verdict is Verdict.DEPLOYED
    [deployment] = inbox.deployments(web)
    assert (deployment.sha, deployment.actor, deployment.commit_message) == (sha, "ada", "Fix")


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

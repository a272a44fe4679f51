"""What a delivery leads to: deployed, skipped or waiting, always with a reason, and only once."""

from typing import Any
from uuid import UUID

import pytest

from shared.domain.deployments import Trigger
from shared.domain.git import Provider
from shared.domain.services import OverlapPolicy, ServiceState
from shared.domain.webhooks import Verdict
from tests.consumers.inbox import Inbox
from tests.consumers.made import a_sha


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

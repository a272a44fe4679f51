"""The bodies of GitHub's webhooks."""

from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Repository, Request
from tests.standins.github import forms, shapes
from tests.standins.github.statuses import CheckRun, Status, check_run
from tests.standins.hooks import Hook
from tests.standins.repositories import ZERO, Commit, RefChange

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

MOST_COMMITS = 2048


def around(server: "GitHubServer", repo: Repository, sender: Account) -> dict[str, Any]:
    """What every event of a repository carries."""
    return {
        "repository": shapes.repository(server, repo),
        "sender": shapes.user(server, sender),
    }


def ping(server: "GitHubServer", repo: Repository, hook: Hook) -> dict[str, Any]:
    shown = forms.hook(server, repo, hook)
    content = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": shown}
    return {**content, **around(server, repo, server.sender(repo))}


def push(
    server: "GitHubServer", repo: Repository, change: RefChange, pusher: Account
) -> dict[str, Any]:
    bare, created, deleted = repo.bare, change.before == ZERO, change.after == ZERO
    commits = [] if change.ref.startswith("refs/tags/") else bare.between(change)
    tip = bare.resolve(change.after) if not deleted else None
    forced = not created and not deleted and not bare.contains(change.after, change.before)
    web = f"{server.url}/{repo.full_name}"
    owner = server.accounts.by_login[repo.owner]
    every = around(server, repo, pusher)
    stamped = {
        "created_at": int(repo.created_at.timestamp()),
        "pushed_at": int(repo.pushed_at.timestamp()),
        "master_branch": repo.default_branch,
        "stargazers": 0,
        "owner": {**shapes.user(server, owner), "name": owner.login, "email": owner.email},
    }
    return {
        "ref": change.ref,
        "before": change.before,
        "after": change.after,
        **every,
        "repository": {**every["repository"], **stamped},
        "pusher": {"name": pusher.login, "email": pusher.email},
        "created": created,
        "deleted": deleted,
        "forced": forced,
        "base_ref": None,
        "compare": f"{web}/compare/{change.before[:12]}...{change.after[:12]}",
        "commits": [_commit(web, found) for found in commits[-MOST_COMMITS:]],
        "head_commit": _commit(web, bare.show(tip)) if tip else None,
    }


def _commit(web: str, found: Commit) -> dict[str, Any]:
    person = {"name": found.author, "email": found.email}
    return {
        "id": found.sha,
        "tree_id": found.tree,
        "distinct": True,
        "message": found.message,
        "timestamp": found.at.isoformat(),
        "url": f"{web}/commit/{found.sha}",
        "author": person,
        "committer": person,
        "added": list(found.added),
        "removed": list(found.removed),
        "modified": list(found.modified),
    }


def ref_event(
    server: "GitHubServer", repo: Repository, change: RefChange, pusher: Account
) -> dict[str, Any]:
    """`create` and `delete`, which come beside the push."""
    is_tag = change.ref.startswith("refs/tags/")
    content = {
        "ref": change.ref.split("/", 2)[2],
        "ref_type": "tag" if is_tag else "branch",
        "pusher_type": "user",
        **around(server, repo, pusher),
    }
    if change.before == ZERO:
        return {**content, "master_branch": repo.default_branch, "description": None}
    return content


def request(
    server: "GitHubServer", found: Request, action: str, before: str | None
) -> dict[str, Any]:
    content = {
        "action": action,
        "number": found.number,
        "pull_request": forms.request(server, found),
        **around(server, found.base, found.author),
    }
    return {**content, "before": before, "after": found.sha} if before else content


def status(server: "GitHubServer", repo: Repository, found: Status) -> dict[str, Any]:
    at = shapes.stamp(found.created_at)
    return {
        "id": found.id,
        "sha": found.sha,
        "name": repo.full_name,
        "avatar_url": None,
        "target_url": found.target_url,
        "context": found.context,
        "description": found.description,
        "state": found.state,
        "commit": shapes.commit(server, repo, repo.bare.show(found.sha)),
        "branches": [],
        "created_at": at,
        "updated_at": at,
        **around(server, repo, found.creator),
    }


def suite(server: "GitHubServer", repo: Repository, runs: list[CheckRun]) -> dict[str, Any]:
    """`check_suite`: every check of a commit has ended."""
    said = {run.conclusion for run in runs}
    bad = said - {"success", "neutral", "skipped"}
    api = f"{server.api_url}/repos/{repo.full_name}/check-suites/{runs[0].id + 1}"
    head = repo.bare.show(runs[0].sha)
    content = {
        "id": runs[0].id + 1,
        "node_id": shapes.node("CS", runs[0].id),
        "head_branch": repo.default_branch,
        "head_sha": head.sha,
        "status": "completed",
        "conclusion": "failure" if bad else "success",
        "url": api,
        "before": head.parents[0] if head.parents else ZERO,
        "after": head.sha,
        "pull_requests": [],
        "app": _app(server, repo),
        "created_at": shapes.stamp(runs[0].started_at),
        "updated_at": shapes.stamp(server.now()),
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{api}/check-runs",
        "head_commit": _simple_commit(head),
    }
    return {
        "action": "completed",
        "check_suite": content,
        **around(server, repo, server.sender(repo)),
    }


def _app(server: "GitHubServer", repo: Repository) -> dict[str, Any]:
    """The application whose checks they are."""
    at = shapes.stamp(server.started_at)
    return {
        "id": 15_368,
        "node_id": shapes.node("A", 15_368),
        "slug": "actions",
        "owner": shapes.user(server, server.sender(repo)),
        "name": "Actions",
        "description": "Automates the workflow",
        "external_url": server.url,
        "html_url": f"{server.url}/apps/actions",
        "created_at": at,
        "updated_at": at,
        "permissions": {},
        "events": [],
    }


def _simple_commit(found: Commit) -> dict[str, Any]:
    person = {"name": found.author, "email": found.email}
    return {
        "id": found.sha,
        "tree_id": found.tree,
        "message": found.message,
        "timestamp": found.at.isoformat(),
        "author": person,
        "committer": person,
    }


def checked(server: "GitHubServer", repo: Repository, found: CheckRun) -> dict[str, Any]:
    """`check_run`: one check has begun or ended."""
    return {
        "action": "completed" if found.status == "completed" else "created",
        "check_run": check_run(server, repo, found),
        **around(server, repo, server.sender(repo)),
    }

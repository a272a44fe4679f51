"""The bodies of GitLab's webhooks."""

from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Repository, Request
from tests.standins.gitlab import shapes
from tests.standins.gitlab.reporting import Pipeline
from tests.standins.repositories import ZERO, Commit, RefChange

if TYPE_CHECKING:
    from tests.standins.gitlab.server import GitLabServer

MOST_COMMITS = 20
_ACTIONS = {"opened": "open", "updated": "update", "closed": "close"}


def project(server: "GitLabServer", repo: Repository) -> dict[str, Any]:
    web = f"{server.url}/{repo.full_name}"
    ssh = f"git@127.0.0.1:{repo.full_name}.git"
    return {
        "id": repo.id,
        "name": repo.name,
        "description": None,
        "web_url": web,
        "avatar_url": None,
        "git_ssh_url": ssh,
        "git_http_url": f"{web}.git",
        "namespace": repo.owner,
        "visibility_level": 0 if repo.private else 20,
        "path_with_namespace": repo.full_name,
        "default_branch": repo.default_branch,
        "ci_config_path": None,
        "homepage": web,
        "url": ssh,
        "ssh_url": ssh,
        "http_url": f"{web}.git",
    }


def _repository(server: "GitLabServer", repo: Repository) -> dict[str, Any]:
    shown = project(server, repo)
    kept = ("name", "description", "homepage", "url", "git_http_url", "git_ssh_url")
    return {**{name: shown[name] for name in kept}, "visibility_level": shown["visibility_level"]}


def commit(server: "GitLabServer", repo: Repository, found: Commit) -> dict[str, Any]:
    return {
        "id": found.sha,
        "message": found.message,
        "title": found.message.split("\n")[0],
        "timestamp": found.at.isoformat(),
        "url": f"{server.url}/{repo.full_name}/-/commit/{found.sha}",
        "author": {"name": found.author, "email": found.email},
        "added": list(found.added),
        "modified": list(found.modified),
        "removed": list(found.removed),
    }


def push(
    server: "GitLabServer", repo: Repository, change: RefChange, account: Account
) -> dict[str, Any]:
    """A branch or a tag has moved. At most twenty commits are named, and counted all."""
    is_tag = change.ref.startswith("refs/tags/")
    commits = [] if is_tag and change.before != ZERO else repo.bare.between(change)
    tip = repo.bare.resolve(change.after) if change.after != ZERO else None
    kind = "tag_push" if is_tag else "push"
    return {
        "object_kind": kind,
        "event_name": kind,
        "before": change.before,
        "after": change.after,
        "ref": change.ref,
        "ref_protected": False,
        "checkout_sha": tip,
        "message": None,
        "user_id": account.id,
        "user_name": account.name,
        "user_username": account.login,
        "user_email": None,
        "user_avatar": None,
        "project_id": repo.id,
        "project": project(server, repo),
        "commits": [commit(server, repo, found) for found in commits[-MOST_COMMITS:]],
        "total_commits_count": len(commits),
        "push_options": {},
        "repository": _repository(server, repo),
    }


def request(
    server: "GitLabServer", found: Request, action: str, before: str | None
) -> dict[str, Any]:
    named = "merge" if action == "closed" and found.merged else _ACTIONS[action]
    head = found.head.bare.show(found.sha)
    shown = shapes.request(server, found)
    kept = ("id", "iid", "title", "description", "state", "target_branch", "source_branch",
            "source_project_id", "target_project_id", "merge_status", "merge_commit_sha",
            "draft")  # fmt: skip
    attributes = {
        **{name: shown[name] for name in kept},
        "author_id": found.author.id,
        "created_at": shown["created_at"],
        "updated_at": shown["updated_at"],
        "source": project(server, found.head),
        "target": project(server, found.base),
        "last_commit": commit(server, found.head, head),
        "work_in_progress": False,
        "assignee_ids": [],
        "url": shown["web_url"],
        "action": named,
    }
    if before:
        attributes["oldrev"] = before
    return {
        "object_kind": "merge_request",
        "event_type": "merge_request",
        "user": _user(found.author),
        "project": project(server, found.base),
        "object_attributes": attributes,
        "labels": [],
        "changes": {},
        "repository": _repository(server, found.base),
    }


def _user(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "username": account.login,
        "avatar_url": None,
        "email": "[REDACTED]",
    }


def pipeline(server: "GitLabServer", repo: Repository, found: Pipeline) -> dict[str, Any]:
    head = commit(server, repo, repo.bare.show(found.sha))
    return {
        "object_kind": "pipeline",
        "object_attributes": {
            "id": found.id,
            "iid": found.id,
            "name": None,
            "ref": found.ref,
            "tag": False,
            "sha": found.sha,
            "before_sha": ZERO,
            "source": found.source,
            "status": found.status,
            "detailed_status": found.status,
            "stages": ["test"],
            "created_at": shapes.stamp(found.created_at),
            "finished_at": None,
            "duration": None,
            "variables": [],
            "url": f"{server.url}/{repo.full_name}/-/pipelines/{found.id}",
        },
        "merge_request": None,
        "user": _user(server.sender(repo)),
        "project": project(server, repo),
        "commit": {name: value for name, value in head.items() if name not in {"added"}},
        "builds": [],
    }

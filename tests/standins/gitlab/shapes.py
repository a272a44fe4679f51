"""GitLab's JSON: users, projects, branches, commits and merge requests as its API shows them."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Level, Repository, Request
from tests.standins.repositories import Commit

if TYPE_CHECKING:
    from tests.standins.gitlab.server import GitLabServer

ACCESS = {Level.READ: 20, Level.WRITE: 30, Level.ADMIN: 40}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def user(server: "GitLabServer", account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.login,
        "name": account.name,
        "state": "active",
        "locked": False,
        "avatar_url": None,
        "web_url": f"{server.url}/{account.login}",
    }


def own_user(server: "GitLabServer", account: Account) -> dict[str, Any]:
    return {
        **user(server, account),
        "created_at": stamp(server.started_at),
        "email": account.email,
        "public_email": None,
        "bio": "",
        "is_admin": False,
        "can_create_project": True,
        "two_factor_enabled": False,
        "external": False,
    }


def simple_project(server: "GitLabServer", repo: Repository) -> dict[str, Any]:
    web, has_commits = f"{server.url}/{repo.full_name}", bool(repo.bare.refs())
    return {
        "id": repo.id,
        "description": None,
        "name": repo.name,
        "name_with_namespace": repo.full_name.replace("/", " / "),
        "path": repo.name,
        "path_with_namespace": repo.full_name,
        "created_at": stamp(repo.created_at),
        "default_branch": repo.default_branch if has_commits else None,
        "tag_list": [],
        "topics": [],
        "ssh_url_to_repo": f"git@127.0.0.1:{repo.full_name}.git",
        "http_url_to_repo": f"{web}.git",
        "web_url": web,
        "readme_url": None,
        "forks_count": 0,
        "avatar_url": None,
        "star_count": 0,
        "last_activity_at": stamp(repo.pushed_at),
        "namespace": {
            "id": repo.id + 1_000_000,
            "name": repo.owner.rpartition("/")[2],
            "path": repo.owner.rpartition("/")[2],
            "kind": "group" if "/" in repo.owner else "user",
            "full_path": repo.owner,
            "parent_id": None,
            "avatar_url": None,
            "web_url": f"{server.url}/{repo.owner}",
        },
    }


def project(server: "GitLabServer", repo: Repository, granted: Level | None) -> dict[str, Any]:
    api = f"{server.api_url}/projects/{repo.id}"
    access = {"access_level": ACCESS[granted], "notification_level": 3} if granted else None
    parts = ("issues", "merge_requests", "labels", "events", "members")
    return {
        **simple_project(server, repo),
        "_links": {"self": api, "repo_branches": f"{api}/repository/branches"}
        | {part: f"{api}/{part}" for part in parts},
        "empty_repo": not repo.bare.refs(),
        "archived": False,
        "visibility": "private" if repo.private else "public",
        "owner": None,
        "creator_id": 1000,
        "import_status": "none",
        "open_issues_count": 0,
        "jobs_enabled": True,
        "merge_requests_enabled": True,
        "shared_with_groups": [],
        "permissions": {"project_access": access, "group_access": None},
    }


def commit(server: "GitLabServer", repo: Repository, found: Commit) -> dict[str, Any]:
    at = found.at.isoformat(timespec="milliseconds")
    return {
        "id": found.sha,
        "short_id": found.sha[:8],
        "created_at": at,
        "parent_ids": list(found.parents),
        "title": found.message.split("\n")[0],
        "message": found.message,
        "author_name": found.author,
        "author_email": found.email,
        "authored_date": at,
        "committer_name": found.author,
        "committer_email": found.email,
        "committed_date": at,
        "trailers": {},
        "extended_trailers": {},
        "web_url": f"{server.url}/{repo.full_name}/-/commit/{found.sha}",
    }


def branch(server: "GitLabServer", repo: Repository, name: str, sha: str) -> dict[str, Any]:
    return {
        "name": name,
        "commit": commit(server, repo, repo.bare.show(sha)),
        "merged": False,
        "protected": name in repo.protected,
        "developers_can_push": False,
        "developers_can_merge": False,
        "can_push": True,
        "default": name == repo.default_branch,
        "web_url": f"{server.url}/{repo.full_name}/-/tree/{name}",
    }


def request_state(found: Request) -> str:
    if found.closed_at is None:
        return "opened"
    return "merged" if found.merged else "closed"


def request(server: "GitLabServer", found: Request) -> dict[str, Any]:
    """A merge request, as the API shows it."""
    closed = stamp(found.closed_at) if found.closed_at else None
    return {
        "id": found.id,
        "iid": found.number,
        "project_id": found.base.id,
        "title": found.title,
        "description": None,
        "state": request_state(found),
        "created_at": stamp(found.created_at),
        "updated_at": stamp(found.updated_at),
        "merged_at": closed if found.merged else None,
        "closed_at": None if found.merged else closed,
        "target_branch": found.base_branch,
        "source_branch": found.branch,
        "author": user(server, found.author),
        "assignees": [],
        "assignee": None,
        "reviewers": [],
        "source_project_id": found.head.id,
        "target_project_id": found.base.id,
        "labels": [],
        "draft": False,
        "merge_status": "can_be_merged",
        "sha": found.sha,
        "merge_commit_sha": found.sha if found.merged else None,
        "web_url": f"{server.url}/{found.base.full_name}/-/merge_requests/{found.number}",
        "diff_refs": {
            "base_sha": found.base_sha,
            "head_sha": found.sha,
            "start_sha": found.base_sha,
        },
    }

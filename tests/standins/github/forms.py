"""GitHub's JSON of hooks, deliveries and pull requests."""

from typing import TYPE_CHECKING, Any

from tests.standins.entities import Repository, Request
from tests.standins.github.shapes import node, repository, stamp, user
from tests.standins.hooks import Attempt, Hook

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer


def hook(server: "GitHubServer", repo: Repository, found: Hook) -> dict[str, Any]:
    api = f"{server.api_url}/repos/{repo.full_name}/hooks/{found.id}"
    last = next(iter(server.dispatcher.of(found.id)), None)
    config = {"url": found.url, "insecure_ssl": "0", "content_type": "form", **found.settings}
    return {
        "type": "Repository",
        "id": found.id,
        "name": "web",
        "active": found.active,
        "events": sorted(found.events),
        "config": config | ({"secret": "********"} if found.secret else {}),
        "updated_at": stamp(found.updated_at or found.created_at),
        "created_at": stamp(found.created_at),
        "url": api,
        "test_url": f"{api}/test",
        "ping_url": f"{api}/pings",
        "deliveries_url": f"{api}/deliveries",
        "last_response": {
            "code": last.status if last else None,
            "status": "unused" if last is None else _outcome(last),
            "message": None,
        },
    }


def _outcome(attempt: Attempt) -> str:
    if attempt.status is None:
        return "pending"
    if attempt.status == 0:
        return "failed to connect to host"
    return "OK" if 200 <= attempt.status < 300 else f"Invalid HTTP Response: {attempt.status}"


def delivery(attempt: Attempt) -> dict[str, Any]:
    return {
        "id": attempt.id,
        "guid": attempt.guid,
        "delivered_at": attempt.at.isoformat().replace("+00:00", "Z"),
        "redelivery": attempt.redelivery,
        "duration": round(attempt.seconds, 3),
        "status": _outcome(attempt),
        "status_code": attempt.status or 0,
        "event": attempt.event,
        "action": attempt.action,
        "installation_id": None,
        "repository_id": attempt.hook.repository_id,
        "throttled_at": None,
    }


_UNSET = ("body", "assignee", "milestone", "auto_merge", "active_lock_reason", "rebaseable")
_EMPTY = ("assignees", "requested_reviewers", "requested_teams", "labels")
_NUMBERS = (
    "comments", "review_comments", "commits", "additions", "deletions", "changed_files"
)  # fmt: skip


def request(server: "GitHubServer", found: Request) -> dict[str, Any]:
    """A pull request, as the API and the webhook show it."""
    links = _links(server, found)
    author = user(server, found.author)
    closed = stamp(found.closed_at) if found.closed_at else None
    return {
        "url": links["self"],
        "id": found.id,
        "node_id": node("PR", found.id),
        "html_url": links["html"],
        "diff_url": f"{links['html']}.diff",
        "patch_url": f"{links['html']}.patch",
        **{f"{name}_url": url for name, url in links.items() if name not in {"self", "html"}},
        **dict.fromkeys(_UNSET),
        **{name: [] for name in _EMPTY},
        **dict.fromkeys(_NUMBERS, 1),
        "number": found.number,
        "state": "closed" if closed else "open",
        "locked": False,
        "title": found.title,
        "user": author,
        "created_at": stamp(found.created_at),
        "updated_at": stamp(found.updated_at),
        "closed_at": closed,
        "merged_at": closed if found.merged else None,
        "merge_commit_sha": found.sha if found.merged else None,
        "draft": False,
        "head": _end(server, found.head, found.branch, found.sha),
        "base": _end(server, found.base, found.base_branch, found.base_sha),
        "_links": {name: {"href": url} for name, url in links.items()},
        "author_association": "CONTRIBUTOR",
        "merged": found.merged,
        "mergeable": None if closed else True,
        "mergeable_state": "unknown",
        "merged_by": author if found.merged else None,
        "maintainer_can_modify": False,
    }


def _links(server: "GitHubServer", found: Request) -> dict[str, str]:
    name, number = found.base.full_name, found.number
    api, web = f"{server.api_url}/repos/{name}", f"{server.url}/{name}"
    pull, issue = f"{api}/pulls/{number}", f"{api}/issues/{number}"
    return {
        "self": pull,
        "html": f"{web}/pull/{number}",
        "issue": issue,
        "comments": f"{issue}/comments",
        "review_comments": f"{pull}/comments",
        "review_comment": f"{api}/pulls/comments{{/number}}",
        "commits": f"{pull}/commits",
        "statuses": f"{api}/statuses/{found.sha}",
    }


def _end(server: "GitHubServer", repo: Repository, branch: str, sha: str) -> dict[str, Any]:
    owner = server.accounts.by_login[repo.owner]
    return {
        "label": f"{repo.owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": user(server, owner),
        "repo": repository(server, repo),
    }

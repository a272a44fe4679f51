"""GitHub's JSON: accounts, repositories, commits, hooks and requests as its API shows them."""

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Level, Repository
from tests.standins.repositories import Commit, Entry

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

_USER_URLS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}
_REPOSITORY_URLS = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}

_UNSET = ("mirror_url", "homepage", "language", "license")
_NUMBERS = (
    "forks_count", "stargazers_count", "watchers_count", "open_issues_count", "size", "forks",
    "open_issues", "watchers",
)  # fmt: skip
_SETTINGS = {
    "is_template": False,
    "has_issues": True,
    "has_projects": True,
    "has_wiki": True,
    "has_pages": False,
    "has_downloads": True,
    "has_discussions": False,
    "archived": False,
    "disabled": False,
    "web_commit_signoff_required": False,
    "allow_forking": True,
}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def node(kind: str, number: object) -> str:
    return b64encode(f"{kind}{number}".encode()).decode()


def user(server: "GitHubServer", account: Account) -> dict[str, Any]:
    """A "simple user"."""
    api = f"{server.api_url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node("U", account.id),
        "avatar_url": f"{server.url}/avatars/{account.id}",
        "gravatar_id": "",
        "url": api,
        "html_url": f"{server.url}/{account.login}",
        **{name: f"{api}/{end}" for name, end in _USER_URLS.items()},
        "type": "User",
        "site_admin": False,
    }


def own_user(server: "GitHubServer", account: Account) -> dict[str, Any]:
    """What `GET /user` says to its owner."""
    unset = ("company", "blog", "location", "hireable", "bio", "twitter_username")
    at = stamp(server.started_at)
    return {
        **user(server, account),
        **dict.fromkeys(unset),
        "name": account.name,
        "email": account.email,
        "public_repos": 0,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": at,
        "updated_at": at,
    }


def permissions(level: Level | None) -> dict[str, bool]:
    reached = level or 0
    return {
        "admin": reached >= Level.ADMIN,
        "maintain": reached >= Level.ADMIN,
        "push": reached >= Level.WRITE,
        "triage": reached >= Level.WRITE,
        "pull": reached >= Level.READ,
    }


def repository(
    server: "GitHubServer", repo: Repository, level: Level | None = None
) -> dict[str, Any]:
    api, web = f"{server.api_url}/repos/{repo.full_name}", f"{server.url}/{repo.full_name}"
    owner = server.accounts.by_login[repo.owner]
    return {
        "id": repo.id,
        "node_id": node("R", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(server, owner),
        "html_url": web,
        "description": None,
        "fork": repo.parent is not None,
        "url": api,
        **{name: f"{api}/{end}" for name, end in _REPOSITORY_URLS.items()},
        "archive_url": f"{api}/{{archive_format}}{{/ref}}",
        "git_url": f"git://127.0.0.1/{repo.full_name}.git",
        "ssh_url": f"git@127.0.0.1:{repo.full_name}.git",
        "clone_url": f"{web}.git",
        "svn_url": web,
        **dict.fromkeys(_UNSET),
        **dict.fromkeys(_NUMBERS, 0),
        **_SETTINGS,
        "topics": [],
        "default_branch": repo.default_branch,
        "visibility": "private" if repo.private else "public",
        "pushed_at": stamp(repo.pushed_at),
        "created_at": stamp(repo.created_at),
        "updated_at": stamp(repo.pushed_at),
        "permissions": permissions(level),
    }


def full_repository(server: "GitHubServer", repo: Repository, level: Level) -> dict[str, Any]:
    """What only the repository's own page has."""
    return {
        **repository(server, repo, level),
        "network_count": 0,
        "subscribers_count": 0,
        "allow_rebase_merge": True,
        "allow_squash_merge": True,
        "allow_merge_commit": True,
        "allow_auto_merge": False,
        "delete_branch_on_merge": False,
    }


def commit(server: "GitHubServer", repo: Repository, found: Commit) -> dict[str, Any]:
    api, web = f"{server.api_url}/repos/{repo.full_name}", f"{server.url}/{repo.full_name}"
    person = {"name": found.author, "email": found.email, "date": stamp(found.at)}
    kinds = {"added": found.added, "modified": found.modified, "removed": found.removed}
    return {
        "sha": found.sha,
        "node_id": node("C", found.sha),
        "url": f"{api}/commits/{found.sha}",
        "html_url": f"{web}/commit/{found.sha}",
        "comments_url": f"{api}/commits/{found.sha}/comments",
        "commit": {
            "author": person,
            "committer": person,
            "message": found.message,
            "tree": {"sha": found.tree, "url": f"{api}/git/trees/{found.tree}"},
            "url": f"{api}/git/commits/{found.sha}",
            "comment_count": 0,
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "author": None,
        "committer": None,
        "parents": [
            {"sha": p, "url": f"{api}/commits/{p}", "html_url": f"{web}/commit/{p}"}
            for p in found.parents
        ],
        "stats": {"total": 0, "additions": 0, "deletions": 0},
        "files": [
            _file(api, web, found.sha, path, status)
            for status, paths in kinds.items()
            for path in paths
        ],
    }


def _file(api: str, web: str, sha: str, path: str, status: str) -> dict[str, Any]:
    return {
        "sha": sha,
        "filename": path,
        "status": status,
        "additions": 0,
        "deletions": 0,
        "changes": 0,
        "blob_url": f"{web}/blob/{sha}/{path}",
        "raw_url": f"{web}/raw/{sha}/{path}",
        "contents_url": f"{api}/contents/{path}?ref={sha}",
    }


def tree_entry(server: "GitHubServer", repo: Repository, entry: Entry) -> dict[str, Any]:
    kind = "trees" if entry.kind == "tree" else "blobs"
    shown: dict[str, Any] = {
        "path": entry.path,
        "mode": entry.mode,
        "type": entry.kind,
        "sha": entry.sha,
        "url": f"{server.api_url}/repos/{repo.full_name}/git/{kind}/{entry.sha}",
    }
    return shown if entry.size is None else {**shown, "size": entry.size}

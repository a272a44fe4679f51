"""GitHub's API that reads: accounts, repositories, branches, trees, files, commits, requests."""

from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.standins.entities import Repository
from tests.standins.github import forms, shapes
from tests.standins.repositories import Entry
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

routes: Routes["GitHubServer"] = Routes()
REPO = "/repos/{owner}/{repo}"
LARGEST_FILE = 1024 * 1024


def page(
    server: "GitHubServer", ask: Ask, items: Sequence[Any]
) -> tuple[Sequence[Any], dict[str, str]]:
    """One page of `items` and the Link header of GitHub's paging."""
    size = min(max(int(ask.query.get("per_page", 30)), 1), 100)
    number = max(int(ask.query.get("page", 1)), 1)
    last = max((len(items) + size - 1) // size, 1)
    wanted = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
    if number >= last:
        del wanted["next"], wanted["last"]
    if number == 1:
        del wanted["prev"], wanted["first"]
    base = server.api_url + ask.path.removeprefix("/api/v3")
    links = [
        f'<{base}?{urlencode({**ask.query, "page": n})}>; rel="{rel}"' for rel, n in wanted.items()
    ]
    found = items[(number - 1) * size : number * size]
    return found, {"Link": ", ".join(links)} if links else {}


def listed(server: "GitHubServer", ask: Ask, items: Sequence[Any]) -> Answer:
    found, headers = page(server, ask, items)
    return Answer(200, list(found), headers)


@routes.on("GET", "/user")
def me(server: "GitHubServer", ask: Ask) -> Answer:
    return Answer(200, shapes.own_user(server, server.caller(ask).account))


@routes.on("GET", "/rate_limit")
def rate_limit(server: "GitHubServer", ask: Ask) -> Answer:
    window = {"limit": 5000, "used": 0, "remaining": 5000, "reset": int(server.clock()) + 3600}
    return Answer(200, {"resources": {"core": window, "search": window}, "rate": window})


@routes.on("GET", "/user/repos")
def own_repositories(server: "GitHubServer", ask: Ask) -> Answer:
    token = server.caller(ask)
    order = ask.query.get("sort", "full_name")
    keys = {
        "full_name": lambda repo: repo.full_name.lower(),
        "pushed": lambda repo: (repo.pushed_at, repo.id),
        "updated": lambda repo: (repo.pushed_at, repo.id),
        "created": lambda repo: (repo.created_at, repo.id),
    }
    if order not in keys:
        raise Refusal(422, server.problem("Validation Failed"))
    newest = ask.query.get("direction", "asc" if order == "full_name" else "desc") == "desc"
    mine = [repo for repo in server.repositories.values() if token.account.login in repo.access]
    mine.sort(key=keys[order], reverse=newest)
    found, headers = page(server, ask, mine)
    shown = [shapes.repository(server, r, server.level(r, token)) for r in found]
    return Answer(200, shown, headers)


@routes.on("GET", "/search/repositories")
def search(server: "GitHubServer", ask: Ask) -> Answer:
    """Words of the name; `user:`, `org:` and `repo:` narrow, other qualifiers do nothing."""
    token = server.caller(ask)
    words = ask.query.get("q", "").lower().split()
    if not words:
        raise Refusal(422, server.problem("Validation Failed"))
    owners = {w.partition(":")[2] for w in words if w.startswith(("user:", "org:"))}
    names = {w.partition(":")[2] for w in words if w.startswith("repo:")}
    plain = [word for word in words if ":" not in word]
    found = [
        repo
        for repo in server.repositories.values()
        if server.level(repo, token)
        and (not owners or repo.owner.lower() in owners)
        and (not names or repo.full_name.lower() in names)
        and all(word in repo.name.lower() for word in plain)
    ]
    shown, headers = page(server, ask, found)
    items = [{**shapes.repository(server, r, server.level(r, token)), "score": 1.0} for r in shown]
    content = {"total_count": len(found), "incomplete_results": False, "items": items}
    return Answer(200, content, headers)


@routes.on("GET", REPO)
def one_repository(server: "GitHubServer", ask: Ask) -> Answer:
    repo, level = server.reach(ask)
    return Answer(200, shapes.full_repository(server, repo, level))


@routes.on("GET", "/repositories/{id}")
def repository_by_id(server: "GitHubServer", ask: Ask) -> Answer:
    """The address that survives renames."""
    repo = server.repositories.get(ask.number("id"))
    level = server.level(repo, server.caller(ask)) if repo else None
    if repo is None or level is None:
        raise Refusal(404, server.problem("Not Found"))
    return Answer(200, shapes.full_repository(server, repo, level))


@routes.on("GET", REPO + "/branches")
def branches(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    heads = [(ref[11:], sha) for ref, sha in repo.bare.refs().items() if ref[:11] == "refs/heads/"]
    return listed(server, ask, [_branch(server, repo, name, sha) for name, sha in sorted(heads)])


@routes.on("GET", REPO + "/branches/{branch*}")
def branch(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    sha = repo.bare.refs().get(f"refs/heads/{ask['branch']}")
    if sha is None:
        raise Refusal(404, server.problem("Branch not found"))
    shown = _branch(server, repo, ask["branch"], sha)
    api = f"{server.api_url}/repos/{repo.full_name}/branches/{ask['branch']}"
    full = {
        "commit": shapes.commit(server, repo, repo.bare.show(sha)),
        "_links": {"html": f"{server.url}/{repo.full_name}/tree/{ask['branch']}", "self": api},
        "protection": {"enabled": shown["protected"]},
        "protection_url": f"{api}/protection",
    }
    return Answer(200, {**shown, **full})


def _branch(server: "GitHubServer", repo: Repository, name: str, sha: str) -> dict[str, Any]:
    url = f"{server.api_url}/repos/{repo.full_name}/commits/{sha}"
    return {
        "name": name,
        "commit": {"sha": sha, "url": url},
        "protected": name in repo.protected,
    }


@routes.on("GET", REPO + "/git/trees/{ref*}")
def tree(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    entries = repo.bare.entries(ask["ref"], recursive="recursive" in ask.query)
    if entries is None:
        raise Refusal(404, server.problem("Not Found"))
    sha = repo.bare.show(repo.bare.resolve(ask["ref"]) or "").tree
    truncated = len(entries) > server.tree_limit
    shown = [shapes.tree_entry(server, repo, e) for e in entries[: server.tree_limit]]
    url = f"{server.api_url}/repos/{repo.full_name}/git/trees/{sha}"
    return Answer(200, {"sha": sha, "url": url, "tree": shown, "truncated": truncated})


@routes.on("GET", REPO + "/contents", REPO + "/contents/", REPO + "/contents/{path*}")
def contents(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    ref, path = (
        ask.query.get("ref") or repo.default_branch,
        ask.parameters.get("path", "").strip("/"),
    )
    if repo.bare.resolve(ref) is None:
        raise Refusal(404, server.problem(f"No commit found for the ref {ref}"))
    entry = repo.bare.entry(ref, path) if path else None
    if path and (entry is None or entry.kind == "commit"):
        raise Refusal(404, server.problem("Not Found"))
    if entry is None or entry.kind == "tree":
        inside = repo.bare.entries(ref, path, recursive=False) or []
        return Answer(200, [_content(server, repo, ref, e) for e in inside])
    if "raw" in ask.headers.get("accept", ""):
        return Answer(200, repo.bare.blob(entry.sha), {"Content-Type": "application/octet-stream"})
    shown = _content(server, repo, ref, entry)
    large = (entry.size or 0) > LARGEST_FILE
    data = b"" if large else repo.bare.blob(entry.sha)
    text = b64encode(data).decode()
    lines = "".join(text[at : at + 60] + "\n" for at in range(0, len(text), 60))
    encoding = "none" if large else "base64"
    return Answer(200, {**shown, "encoding": encoding, "content": lines})


def _content(server: "GitHubServer", repo: Repository, ref: str, entry: Entry) -> dict[str, Any]:
    api, web = f"{server.api_url}/repos/{repo.full_name}", f"{server.url}/{repo.full_name}"
    folder = entry.kind == "tree"
    kind = "tree" if folder else "blob"
    url, git_url = f"{api}/contents/{entry.path}?ref={ref}", f"{api}/git/{kind}s/{entry.sha}"
    html = f"{web}/{kind}/{ref}/{entry.path}"
    return {
        "type": "dir" if folder else "file",
        "size": entry.size or 0,
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "url": url,
        "git_url": git_url,
        "html_url": html,
        "download_url": None if folder else f"{web}/raw/{ref}/{entry.path}",
        "_links": {"self": url, "git": git_url, "html": html},
    }


@routes.on("GET", REPO + "/commits/{ref*}")
def commit(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    sha = repo.bare.resolve(ask["ref"])
    if sha is None:
        raise Refusal(422, server.problem(f"No commit found for SHA: {ask['ref']}"))
    return Answer(200, shapes.commit(server, repo, repo.bare.show(sha)))


@routes.on("GET", REPO + "/pulls")
def pulls(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    state = ask.query.get("state", "open")
    found = [
        forms.request(server, request)
        for request in reversed(server.requests)
        if request.base is repo and state in {"all", "closed" if request.closed_at else "open"}
    ]
    return listed(server, ask, found)


@routes.on("GET", REPO + "/pulls/{number}")
def pull(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    return Answer(200, forms.request(server, server.request(repo, ask.number("number"))))


@routes.on("GET", REPO + "/pulls/{number}/files")
def pull_files(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    request = server.request(repo, ask.number("number"))
    shown = shapes.commit(server, request.head, request.head.bare.show(request.sha))
    return listed(server, ask, shown["files"])

"""GitLab's API that reads: users, projects, branches, trees, files, commits, merge requests."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.standins.entities import Level, Repository
from tests.standins.gitlab import shapes
from tests.standins.repositories import Entry
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.gitlab.server import GitLabServer

routes: Routes["GitLabServer"] = Routes()
PROJECT = "/projects/{id}"
MOST_COUNTED = 10_000


def number(ask: Ask, name: str, default: int, most: int) -> int:
    """A number in the query; what is not one or out of range is a 400."""
    text = ask.query.get(name, str(default))
    if not text.isdigit() or not int(text) >= 1:
        raise Refusal(400, {"error": f"{name} is invalid"})
    return min(int(text), most)


def page(
    server: "GitLabServer", ask: Ask, items: Sequence[Any], most: int = 100
) -> tuple[Sequence[Any], dict[str, str]]:
    """One page and GitLab's headers; above 10 000 items it does not say how many there are."""
    size, wanted = number(ask, "per_page", 20, most), number(ask, "page", 1, 10**9)
    last = max((len(items) + size - 1) // size, 1)
    before, after = max(wanted - 1, 0), wanted + 1 if wanted < last else 0
    base = server.api_url + ask.path.removeprefix("/api/v4")

    def link(to: int, rel: str) -> str:
        return f'<{base}?{urlencode({**ask.query, "page": to, "per_page": size})}>; rel="{rel}"'

    links = [link(before, "prev")] if before else []
    links += [link(after, "next")] if after else []
    headers = {
        "X-Page": str(wanted),
        "X-Per-Page": str(size),
        "X-Prev-Page": str(before or ""),
        "X-Next-Page": str(after or ""),
    }
    if len(items) <= MOST_COUNTED:
        headers |= {"X-Total": str(len(items)), "X-Total-Pages": str(last)}
        links.append(link(last, "last"))
    links.append(link(1, "first"))
    shown = items[(wanted - 1) * size : wanted * size]
    return shown, {**headers, "Link": ", ".join(links)}


def listed(server: "GitLabServer", ask: Ask, items: Sequence[Any], most: int = 100) -> Answer:
    found, headers = page(server, ask, items, most)
    return Answer(200, list(found), headers)


@routes.on("GET", "/user")
def me(server: "GitLabServer", ask: Ask) -> Answer:
    return Answer(200, shapes.own_user(server, server.caller(ask).account))


@routes.on("GET", "/version")
def version(server: "GitLabServer", ask: Ask) -> Answer:
    server.caller(ask)
    return Answer(200, {"version": "19.5.0-ee", "revision": "0123456789a"})


@routes.on("GET", "/projects")
def projects(server: "GitLabServer", ask: Ask) -> Answer:
    token, query = server.caller(ask), ask.query
    login, word = token.account.login, query.get("search", "").lower()
    least = int(query.get("min_access_level", "0"))
    with_namespace = query.get("search_namespaces") == "true"
    mine = query.get("membership") in {"true", "True", "1"}

    def wanted(repo: Repository) -> bool:
        granted = repo.access.get(login)
        if granted is None and (mine or repo.private):
            return False
        text = repo.full_name if with_namespace else repo.name
        return word in text.lower() and (not least or shapes.ACCESS[granted or Level.READ] >= least)

    found = [repo for repo in server.repositories.values() if wanted(repo)]
    order = query.get("order_by", "created_at")
    keys = {
        "id": lambda repo: repo.id,
        "name": lambda repo: repo.name,
        "path": lambda repo: repo.name,
        "created_at": lambda repo: (repo.created_at, repo.id),
        "updated_at": lambda repo: (repo.pushed_at, repo.id),
        "last_activity_at": lambda repo: (repo.pushed_at, repo.id),
    }
    if order not in keys:
        raise Refusal(400, {"error": "order_by does not have a valid value"})
    found.sort(key=keys[order], reverse=query.get("sort", "desc") == "desc")
    shown, headers = page(server, ask, found)
    if query.get("simple") == "true":
        return Answer(200, [shapes.simple_project(server, r) for r in shown], headers)
    return Answer(200, [shapes.project(server, r, r.access.get(login)) for r in shown], headers)


@routes.on("GET", PROJECT)
def project(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    granted = repo.access.get(server.caller(ask).account.login)
    return Answer(200, shapes.project(server, repo, granted))


@routes.on("GET", PROJECT + "/repository/branches")
def branches(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    word = ask.query.get("search", "")
    heads = sorted(
        (ref[11:], sha)
        for ref, sha in repo.bare.refs().items()
        if ref.startswith("refs/heads/") and word in ref[11:]
    )
    shown, headers = page(server, ask, heads)
    return Answer(200, [shapes.branch(server, repo, name, sha) for name, sha in shown], headers)


@routes.on("GET", PROJECT + "/repository/branches/{branch}")
def branch(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    sha = repo.bare.refs().get(f"refs/heads/{ask['branch']}")
    if sha is None:
        raise Refusal(404, {"message": "404 Branch Not Found"})
    return Answer(200, shapes.branch(server, repo, ask["branch"], sha))


@routes.on("GET", PROJECT + "/repository/tree")
def tree(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    ref, recursive = ask.query.get("ref", repo.default_branch), ask.query.get("recursive")
    path = ask.query.get("path", "").strip("/")
    whole = (recursive or "").lower() in {"true", "1"}
    entries = repo.bare.entries(ref, path, recursive=whole)
    if entries is None:
        raise Refusal(404, {"message": "404 Tree Not Found"})
    entries.sort(key=lambda entry: (entry.kind != "tree", entry.path))
    return listed(server, ask, [_entry(entry) for entry in entries])


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.sha,
        "name": entry.path.rpartition("/")[2],
        "type": entry.kind,
        "path": entry.path,
        "mode": entry.mode,
    }


def _file(server: "GitLabServer", ask: Ask) -> tuple[Repository, str, str, Entry]:
    repo, _ = server.reach(ask)
    ref = ask.query.get("ref") or repo.default_branch
    sha = repo.bare.resolve(ref.replace("HEAD", repo.default_branch))
    if sha is None:
        raise Refusal(404, {"message": "404 Commit Not Found"})
    entry = repo.bare.entry(sha, ask["path"])
    if entry is None or entry.kind != "blob":
        raise Refusal(404, {"message": "404 File Not Found"})
    return repo, ref, sha, entry


@routes.on("GET", PROJECT + "/repository/files/{path}/raw")
def raw(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _, _, entry = _file(server, ask)
    return Answer(200, repo.bare.blob(entry.sha), {"Content-Type": "text/plain"})


@routes.on("GET", PROJECT + "/repository/files/{path}")
def file(server: "GitLabServer", ask: Ask) -> Answer:
    repo, ref, sha, entry = _file(server, ask)
    data = repo.bare.blob(entry.sha)
    content = {
        "file_name": ask["path"].rpartition("/")[2],
        "file_path": ask["path"],
        "size": len(data),
        "encoding": "base64",
        "content_sha256": sha256(data).hexdigest(),
        "ref": ref,
        "blob_id": entry.sha,
        "commit_id": sha,
        "last_commit_id": sha,
        "execute_filemode": entry.mode == "100755",
        "content": b64encode(data).decode(),
    }
    return Answer(200, content)


@routes.on("GET", PROJECT + "/repository/commits/{sha}")
def commit(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    sha = repo.bare.resolve(ask["sha"])
    if sha is None:
        raise Refusal(404, {"message": "404 Commit Not Found"})
    pipeline = server.latest_pipeline(repo, sha)
    shown = shapes.commit(server, repo, repo.bare.show(sha))
    more = {
        "stats": {"additions": 0, "deletions": 0, "total": 0},
        "status": pipeline.status if pipeline else None,
        "project_id": repo.id,
        "last_pipeline": server.shown_pipeline(repo, pipeline) if pipeline else None,
    }
    return Answer(200, {**shown, **more})


@routes.on("GET", PROJECT + "/merge_requests")
def merge_requests(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    state = ask.query.get("state", "all")
    found = [
        shapes.request(server, each)
        for each in reversed(server.requests)
        if each.base is repo and state in {"all", shapes.request_state(each)}
    ]
    return listed(server, ask, found)


@routes.on("GET", PROJECT + "/merge_requests/{iid}")
def merge_request(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    return Answer(200, shapes.request(server, server.request(repo, ask.number("iid"))))

"""GitHub's API of commit statuses and check runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Level, Repository
from tests.standins.github import shapes
from tests.standins.github.reading import REPO, listed, page
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

routes: Routes["GitHubServer"] = Routes()
STATES = {"error", "failure", "pending", "success"}


@dataclass(eq=False)
class Status:
    id: int
    repository_id: int
    sha: str
    state: str
    context: str
    description: str | None
    target_url: str | None
    creator: Account
    created_at: datetime


@dataclass(eq=False)
class CheckRun:
    id: int
    repository_id: int
    sha: str
    name: str
    status: str
    conclusion: str | None
    started_at: datetime


def invalid(server: "GitHubServer", text: str) -> Refusal:
    return Refusal(422, server.problem(f"Validation Failed: {text}"))


def commit_of(server: "GitHubServer", repo: Repository, ref: str) -> str:
    sha = repo.bare.resolve(ref)
    if sha is None:
        raise Refusal(422, server.problem(f"No commit found for SHA: {ref}"))
    return sha


def _status(server: "GitHubServer", repo: Repository, found: Status) -> dict[str, Any]:
    at = shapes.stamp(found.created_at)
    return {
        "url": f"{server.api_url}/repos/{repo.full_name}/statuses/{found.sha}",
        "avatar_url": f"{server.url}/avatars/{found.creator.id}",
        "id": found.id,
        "node_id": shapes.node("S", found.id),
        "state": found.state,
        "description": found.description,
        "target_url": found.target_url,
        "context": found.context,
        "created_at": at,
        "updated_at": at,
    }


@routes.on("POST", REPO + "/statuses/{sha}")
def set_status(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask, Level.WRITE)
    given, sha = ask.data(), commit_of(server, repo, ask["sha"])
    if given.get("state") not in STATES:
        raise invalid(server, "state")
    description = given.get("description")
    if description is not None and len(description) > 140:
        raise invalid(server, "description is too long (maximum is 140 characters)")
    creator = server.caller(ask).account
    found = server.set_status(
        repo, sha, given["state"], given.get("context") or "default", description=description,
        target_url=given.get("target_url"), creator=creator,
    )  # fmt: skip
    shown = {**_status(server, repo, found), "creator": shapes.user(server, creator)}
    return Answer(201, shown, {"Location": shown["url"]})


@routes.on("GET", REPO + "/commits/{ref}/statuses")
def statuses(server: "GitHubServer", ask: Ask) -> Answer:
    """Every status ever set, newest first."""
    repo, _ = server.reach(ask)
    found = server.statuses_of(repo, commit_of(server, repo, ask["ref"]))
    shown = [{**_status(server, repo, s), "creator": shapes.user(server, s.creator)} for s in found]
    return listed(server, ask, shown)


@routes.on("GET", REPO + "/commits/{ref}/status")
def combined(server: "GitHubServer", ask: Ask) -> Answer:
    """The newest of each context, and what they come to."""
    repo, level = server.reach(ask)
    sha = commit_of(server, repo, ask["ref"])
    newest: dict[str, Status] = {}
    for found in server.statuses_of(repo, sha):
        newest.setdefault(found.context, found)
    states = {found.state for found in newest.values()}
    shown, headers = page(server, ask, list(newest.values()))
    worst = "failure" if states & {"failure", "error"} else "pending"
    url = f"{server.api_url}/repos/{repo.full_name}/commits/{sha}"
    content = {
        "state": "success" if states == {"success"} else worst,
        "statuses": [_status(server, repo, found) for found in shown],
        "sha": sha,
        "total_count": len(newest),
        "repository": shapes.repository(server, repo, level),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Answer(200, content, headers)


@routes.on("GET", REPO + "/commits/{ref}/check-runs")
def check_runs(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    sha = commit_of(server, repo, ask["ref"])
    found = [c for c in server.check_runs if c.repository_id == repo.id and c.sha == sha]
    wanted, headers = page(server, ask, found)
    shown = [check_run(server, repo, c) for c in wanted]
    return Answer(200, {"total_count": len(found), "check_runs": shown}, headers)


def check_run(server: "GitHubServer", repo: Repository, found: CheckRun) -> dict[str, Any]:
    api = f"{server.api_url}/repos/{repo.full_name}/check-runs/{found.id}"
    at = shapes.stamp(found.started_at)
    output = dict.fromkeys(("title", "summary", "text"))
    return {
        "id": found.id,
        "name": found.name,
        "node_id": shapes.node("CR", found.id),
        "head_sha": found.sha,
        "external_id": "",
        "url": api,
        "html_url": f"{server.url}/{repo.full_name}/runs/{found.id}",
        "details_url": f"{server.url}/{repo.full_name}/runs/{found.id}",
        "status": found.status,
        "conclusion": found.conclusion,
        "started_at": at,
        "completed_at": at if found.status == "completed" else None,
        "output": {**output, "annotations_count": 0, "annotations_url": f"{api}/annotations"},
        "check_suite": {"id": found.id + 1},
        "app": None,
        "pull_requests": [],
    }

"""GitHub's API of deployments and their statuses."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Level, Repository
from tests.standins.github import shapes
from tests.standins.github.reading import REPO, listed
from tests.standins.github.statuses import commit_of, invalid
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

routes: Routes["GitHubServer"] = Routes()
STATES = {"error", "failure", "pending", "success", "inactive", "in_progress", "queued"}


@dataclass(eq=False)
class DeploymentStatus:
    id: int
    state: str
    description: str
    environment: str
    environment_url: str
    log_url: str
    creator: Account
    created_at: datetime


@dataclass(eq=False)
class Deployment:
    id: int
    repository_id: int
    sha: str
    ref: str
    environment: str
    description: str | None
    creator: Account
    created_at: datetime
    transient: bool
    production: bool
    payload: object
    statuses: list[DeploymentStatus]

    @property
    def state(self) -> str | None:
        """The newest status, None before the first one."""
        return self.statuses[-1].state if self.statuses else None


def _deployment(server: "GitHubServer", repo: Repository, found: Deployment) -> dict[str, Any]:
    url = f"{server.api_url}/repos/{repo.full_name}/deployments/{found.id}"
    at = shapes.stamp(found.created_at)
    return {
        "url": url,
        "id": found.id,
        "node_id": shapes.node("D", found.id),
        "sha": found.sha,
        "ref": found.ref,
        "task": "deploy",
        "payload": found.payload,
        "original_environment": found.environment,
        "environment": found.environment,
        "description": found.description,
        "creator": shapes.user(server, found.creator),
        "created_at": at,
        "updated_at": at,
        "statuses_url": f"{url}/statuses",
        "repository_url": f"{server.api_url}/repos/{repo.full_name}",
        "transient_environment": found.transient,
        "production_environment": found.production,
        "performed_via_github_app": None,
    }


@routes.on("POST", REPO + "/deployments")
def deploy(server: "GitHubServer", ask: Ask) -> Answer:
    """Unless told otherwise GitHub insists that every status of the commit succeeded."""
    repo, _ = server.reach(ask, Level.WRITE)
    given = ask.data()
    if not given.get("ref"):
        raise invalid(server, "ref")
    sha = commit_of(server, repo, given["ref"])
    _insist(server, repo, sha, given.get("required_contexts"))
    environment = given.get("environment", "production")
    found = Deployment(
        next(server.ids), repo.id, sha, given["ref"], environment, given.get("description"),
        server.caller(ask).account, server.now(), bool(given.get("transient_environment", False)),
        bool(given.get("production_environment", environment == "production")),
        given.get("payload", {}), [],
    )  # fmt: skip
    server.deployments[found.id] = found
    return Answer(201, _deployment(server, repo, found))


def _insist(server: "GitHubServer", repo: Repository, sha: str, contexts: list[str] | None) -> None:
    newest: dict[str, str] = {}
    for status in server.statuses_of(repo, sha):
        newest.setdefault(status.context, status.state)
    wanted = newest.keys() if contexts is None else contexts
    if any(newest.get(context) != "success" for context in wanted):
        text = f"Conflict: Commit status checks failed for {sha}."
        raise Refusal(409, server.problem(text))


@routes.on("GET", REPO + "/deployments")
def deployments(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    wanted = {k: ask.query[k] for k in ("sha", "ref", "environment") if k in ask.query}
    found = [
        _deployment(server, repo, d)
        for d in reversed(server.deployments.values())
        if d.repository_id == repo.id and all(getattr(d, k) == v for k, v in wanted.items())
    ]
    return listed(server, ask, found)


def _known(server: "GitHubServer", ask: Ask, level: Level) -> tuple[Repository, Deployment]:
    repo, _ = server.reach(ask, level)
    found = server.deployments.get(ask.number("id"))
    if found is None or found.repository_id != repo.id:
        raise Refusal(404, server.problem("Not Found"))
    return repo, found


@routes.on("GET", REPO + "/deployments/{id}")
def one_deployment(server: "GitHubServer", ask: Ask) -> Answer:
    return Answer(200, _deployment(server, *_known(server, ask, Level.READ)))


def _deployment_status(
    server: "GitHubServer", repo: Repository, of: Deployment, found: DeploymentStatus
) -> dict[str, Any]:
    api = f"{server.api_url}/repos/{repo.full_name}"
    at = shapes.stamp(found.created_at)
    shown = {"log_url": found.log_url, "environment_url": found.environment_url}
    return {
        "url": f"{api}/deployments/{of.id}/statuses/{found.id}",
        "id": found.id,
        "node_id": shapes.node("DS", found.id),
        "state": found.state,
        "creator": shapes.user(server, found.creator),
        "description": found.description,
        "environment": found.environment,
        "target_url": found.log_url,
        **{name: url for name, url in shown.items() if url},
        "created_at": at,
        "updated_at": at,
        "deployment_url": f"{api}/deployments/{of.id}",
        "repository_url": api,
    }


@routes.on("POST", REPO + "/deployments/{id}/statuses")
def set_deployment_status(server: "GitHubServer", ask: Ask) -> Answer:
    repo, of = _known(server, ask, Level.WRITE)
    given = ask.data()
    if given.get("state") not in STATES:
        raise invalid(server, "state")
    if len(given.get("description") or "") > 140:
        raise invalid(server, "description is too long (maximum is 140 characters)")
    log_url = given.get("log_url") or given.get("target_url") or ""
    found = DeploymentStatus(
        next(server.ids), given["state"], given.get("description") or "",
        given.get("environment") or of.environment, given.get("environment_url") or "", log_url,
        server.caller(ask).account, server.now(),
    )  # fmt: skip
    of.statuses.append(found)
    if found.state == "success" and given.get("auto_inactive", True):
        _replace_others(server, of, found)
    return Answer(201, _deployment_status(server, repo, of, found))


def _replace_others(server: "GitHubServer", of: Deployment, success: DeploymentStatus) -> None:
    """A success makes the environment's earlier deployments inactive."""
    for other in server.deployments.values():
        same = (other.repository_id, other.environment) == (of.repository_id, of.environment)
        is_earlier = same and other.id < of.id and not other.transient
        if is_earlier and other.state not in {None, "inactive"}:
            other.statuses.append(
                DeploymentStatus(
                    next(server.ids), "inactive", "", other.environment, "", "",
                    success.creator, success.created_at,
                )
            )  # fmt: skip


@routes.on("GET", REPO + "/deployments/{id}/statuses")
def deployment_statuses(server: "GitHubServer", ask: Ask) -> Answer:
    repo, of = _known(server, ask, Level.READ)
    shown = [_deployment_status(server, repo, of, found) for found in reversed(of.statuses)]
    return listed(server, ask, shown)

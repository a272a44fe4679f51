"""GitLab's API of environments and deployments."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Level, Repository
from tests.standins.gitlab import shapes
from tests.standins.gitlab.reading import PROJECT, listed
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.gitlab.server import GitLabServer

routes: Routes["GitLabServer"] = Routes()
ENVIRONMENT = PROJECT + "/environments/{environment}"
STATES = {"running", "success", "failed", "canceled"}
_EVENTS = {"running": "run", "success": "succeed", "failed": "drop", "canceled": "cancel"}


@dataclass(eq=False)
class Environment:
    id: int
    repository_id: int
    name: str
    created_at: datetime
    external_url: str | None = None
    state: str = "available"


@dataclass(eq=False)
class Deployment:
    id: int
    repository_id: int
    iid: int
    environment: Environment
    sha: str
    ref: str
    status: str
    user: Account
    created_at: datetime
    updated_at: datetime


def _environment(server: "GitLabServer", found: Environment) -> dict[str, Any]:
    at = shapes.stamp(found.created_at)
    return {
        "id": found.id,
        "name": found.name,
        "slug": found.name.replace("/", "-").lower()[:24],
        "external_url": found.external_url,
        "state": found.state,
        "tier": "production" if found.name.startswith("prod") else "other",
        "created_at": at,
        "updated_at": at,
        "description": None,
        "auto_stop_at": None,
    }


def environment_named(server: "GitLabServer", repo: Repository, name: str) -> Environment | None:
    every = server.environments.values()
    return next((e for e in every if (e.repository_id, e.name) == (repo.id, name)), None)


def _known(server: "GitLabServer", ask: Ask, level: Level = Level.WRITE) -> Environment:
    repo, _ = server.reach(ask, level)
    found = server.environments.get(ask.number("environment"))
    if found is None or found.repository_id != repo.id:
        raise Refusal(404, {"message": "404 Environment Not Found"})
    return found


@routes.on("GET", PROJECT + "/environments")
def environments(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    query = ask.query
    if "name" in query and "search" in query:
        raise Refusal(400, {"error": "name, search are mutually exclusive"})
    found = [
        _environment(server, each)
        for each in server.environments.values()
        if each.repository_id == repo.id
        and query.get("name", each.name) == each.name
        and query.get("search", "") in each.name
        and query.get("states", each.state) == each.state
    ]
    return listed(server, ask, found)


@routes.on("POST", PROJECT + "/environments")
def create_environment(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask, Level.WRITE)
    given = ask.data()
    if not given.get("name"):
        raise Refusal(400, {"error": "name is missing"})
    if environment_named(server, repo, given["name"]):
        raise Refusal(400, {"message": {"name": ["has already been taken"]}})
    found = _make(server, repo, given["name"])
    found.external_url = given.get("external_url")
    return Answer(201, _environment(server, found))


def _make(server: "GitLabServer", repo: Repository, name: str) -> Environment:
    found = Environment(next(server.ids), repo.id, name, server.now())
    server.environments[found.id] = found
    return found


@routes.on("GET", ENVIRONMENT)
def one_environment(server: "GitLabServer", ask: Ask) -> Answer:
    return Answer(200, _environment(server, _known(server, ask, Level.READ)))


@routes.on("PUT", ENVIRONMENT)
def change_environment(server: "GitLabServer", ask: Ask) -> Answer:
    found = _known(server, ask)
    found.external_url = ask.data().get("external_url", found.external_url)
    return Answer(200, _environment(server, found))


@routes.on("POST", ENVIRONMENT + "/stop")
def stop_environment(server: "GitLabServer", ask: Ask) -> Answer:
    found = _known(server, ask)
    found.state = "stopped"
    return Answer(200, _environment(server, found))


@routes.on("DELETE", ENVIRONMENT)
def delete_environment(server: "GitLabServer", ask: Ask) -> Answer:
    """Only a stopped one goes."""
    found = _known(server, ask)
    if found.state != "stopped":
        raise Refusal(403, {"message": "403 Forbidden"})
    del server.environments[found.id]
    return Answer(204)


def _deployment(server: "GitLabServer", repo: Repository, found: Deployment) -> dict[str, Any]:
    return {
        "id": found.id,
        "iid": found.iid,
        "ref": found.ref,
        "sha": found.sha,
        "created_at": shapes.stamp(found.created_at),
        "updated_at": shapes.stamp(found.updated_at),
        "status": found.status,
        "user": shapes.user(server, found.user),
        "environment": _environment(server, found.environment),
        "deployable": None,
        "pending_approval_count": 0,
        "approvals": [],
    }


@routes.on("GET", PROJECT + "/deployments")
def deployments(server: "GitLabServer", ask: Ask) -> Answer:
    """By id, oldest first, unless asked otherwise."""
    repo, _ = server.reach(ask)
    query = ask.query
    found = [
        _deployment(server, repo, each)
        for each in server.deployments.values()
        if each.repository_id == repo.id
        and query.get("environment", each.environment.name) == each.environment.name
        and query.get("status", each.status) == each.status
    ]
    key = query.get("order_by", "id")
    found.sort(key=lambda each: each[key], reverse=query.get("sort", "asc") == "desc")
    return listed(server, ask, found)


@routes.on("POST", PROJECT + "/deployments")
def deploy(server: "GitLabServer", ask: Ask) -> Answer:
    """The environment is made where there is none of that name."""
    repo, _ = server.reach(ask, Level.WRITE)
    given = ask.data()
    for name in ("environment", "sha", "ref", "tag", "status"):
        if name not in given:
            raise Refusal(400, {"error": f"{name} is missing"})
    if given["status"] not in STATES:
        raise Refusal(400, {"error": "status does not have a valid value"})
    if repo.bare.resolve(given["sha"]) is None:
        raise Refusal(400, {"message": {"sha": ["The commit does not exist"]}})
    name = given["environment"]
    where = environment_named(server, repo, name) or _make(server, repo, name)
    where.state, now = "available", server.now()
    found = Deployment(
        next(server.ids), repo.id, len(server.deployments) + 1, where, given["sha"], given["ref"],
        given["status"], server.caller(ask).account, now, now,
    )  # fmt: skip
    server.deployments[found.id] = found
    return Answer(201, _deployment(server, repo, found))


def _known_deployment(
    server: "GitLabServer", ask: Ask, level: Level
) -> tuple[Repository, Deployment]:
    repo, _ = server.reach(ask, level)
    found = server.deployments.get(ask.number("deployment"))
    if found is None or found.repository_id != repo.id:
        raise Refusal(404, {"message": "404 Not found"})
    return repo, found


@routes.on("GET", PROJECT + "/deployments/{deployment}")
def one_deployment(server: "GitLabServer", ask: Ask) -> Answer:
    return Answer(200, _deployment(server, *_known_deployment(server, ask, Level.READ)))


@routes.on("PUT", PROJECT + "/deployments/{deployment}")
def change_deployment(server: "GitLabServer", ask: Ask) -> Answer:
    """Neither to the state it has, nor back to running."""
    repo, found = _known_deployment(server, ask, Level.WRITE)
    state = ask.data().get("status")
    if state not in STATES:
        raise Refusal(400, {"error": "status does not have a valid value"})
    if state in {found.status, "running"}:
        text = f'cannot transition via "{_EVENTS[state]}"'
        raise Refusal(400, {"message": {"status": [text]}})
    found.status, found.updated_at = state, server.now()
    return Answer(200, _deployment(server, repo, found))

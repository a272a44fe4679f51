"""GitLab's API of commit statuses, pipelines and notes on merge requests."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.standins.accounts import Account
from tests.standins.entities import Comment, Level, Repository
from tests.standins.gitlab import shapes
from tests.standins.gitlab.reading import PROJECT, listed
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.gitlab.server import GitLabServer

routes: Routes["GitLabServer"] = Routes()
NOTES = PROJECT + "/merge_requests/{iid}/notes"
STATES = {"pending", "running", "success", "failed", "canceled", "skipped"}
OPEN = {"pending", "running"}


@dataclass(eq=False)
class Status:
    """A commit status: somebody else's word, or a job of GitLab's own."""

    id: int
    name: str
    ref: str
    status: str
    author: Account
    created_at: datetime
    target_url: str | None = None
    description: str | None = None
    job: bool = False
    allow_failure: bool = False


@dataclass(eq=False)
class Pipeline:
    """Statuses of a commit hang on a pipeline; GitLab makes one where there is none."""

    id: int
    repository_id: int
    sha: str
    ref: str
    source: str
    created_at: datetime
    statuses: list[Status] = field(default_factory=list)

    @property
    def status(self) -> str:
        """What the newest status of each name comes to."""
        newest = {each.name: each for each in self.statuses}
        said = {each.status for each in newest.values() if not each.allow_failure}
        for worst in ("failed", "running", "pending", "canceled"):
            if worst in said:
                return worst
        return "success" if "success" in said else "skipped"


def _shown(server: "GitLabServer", of: Pipeline, found: Status) -> dict[str, Any]:
    at, ended = shapes.stamp(found.created_at), found.status not in OPEN
    return {
        "id": found.id,
        "sha": of.sha,
        "ref": found.ref,
        "status": found.status,
        "name": found.name,
        "target_url": found.target_url,
        "description": found.description,
        "created_at": at,
        "started_at": at if found.status != "pending" else None,
        "finished_at": at if ended else None,
        "allow_failure": found.allow_failure,
        "coverage": None,
        "pipeline_id": of.id,
        "author": shapes.user(server, found.author),
    }


def _commit(repo: Repository, text: str) -> str:
    sha = repo.bare.resolve(text)
    if sha is None:
        raise Refusal(404, {"message": "404 Commit Not Found"})
    return sha


@routes.on("POST", PROJECT + "/statuses/{sha}")
def set_status(server: "GitLabServer", ask: Ask) -> Answer:
    """A status that still waits or runs goes on; one that has ended is followed by a new one."""
    repo, _ = server.reach(ask, Level.WRITE)
    given, sha = {**ask.query, **ask.data()}, _commit(repo, ask["sha"])
    if given.get("state") not in STATES:
        raise Refusal(400, {"error": "state does not have a valid value"})
    if len(given.get("description") or "") > 255:
        raise Refusal(400, {"message": {"description": ["is too long"]}})
    name = given.get("name") or given.get("context") or "default"
    of = server.pipeline_for(repo, sha, given.get("ref"))
    found = _current(server, of, name, server.caller(ask).account)
    _go(found, given["state"])
    if found not in of.statuses:
        of.statuses.append(found)
    found.target_url = given.get("target_url", found.target_url)
    found.description = given.get("description", found.description)
    server.tell_pipeline(repo, of)
    return Answer(201, _shown(server, of, found))


def _current(server: "GitLabServer", of: Pipeline, name: str, author: Account) -> Status:
    for found in reversed(of.statuses):
        same = not found.job and (found.name, found.author) == (name, author)
        if same and found.status in OPEN:
            return found
    return Status(next(server.ids), name, of.ref, "created", author, server.now())


def _go(found: Status, state: str) -> None:
    """The transitions GitLab has: none to the same state, none back to pending."""
    events = {"pending": "enqueue", "running": "run", "success": "success", "failed": "drop"}
    refused = state == found.status or (state == "pending" and found.status != "created")
    if refused:
        text = (
            f"Cannot transition status via :{events.get(state, state)} from :{found.status} "
            f'(Reason(s): Status cannot transition via "{events.get(state, state)}")'
        )
        raise Refusal(400, {"message": text})
    found.status = state


@routes.on("GET", PROJECT + "/repository/commits/{sha}/statuses")
def statuses(server: "GitLabServer", ask: Ask) -> Answer:
    """The newest of each name, or `all`; jobs of GitLab's own are among them."""
    repo, _ = server.reach(ask)
    sha, query = _commit(repo, ask["sha"]), ask.query
    found: list[dict[str, Any]] = []
    for of in server.pipelines_of(repo, sha):
        newest = {each.name: each for each in of.statuses}
        every = of.statuses if query.get("all") == "true" else list(newest.values())
        found += [_shown(server, of, each) for each in every]
    wanted = {key: query[key] for key in ("ref", "name") if key in query}
    kept = [each for each in found if all(each[key] == value for key, value in wanted.items())]
    return listed(server, ask, kept)


@routes.on("GET", PROJECT + "/pipelines")
def pipelines(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    wanted = {key: ask.query[key] for key in ("sha", "ref", "status", "source") if key in ask.query}
    found = [
        server.shown_pipeline(repo, each)
        for each in reversed(server.pipelines)
        if each.repository_id == repo.id
        and all(getattr(each, key) == value for key, value in wanted.items())
    ]
    return listed(server, ask, found)


@routes.on("GET", PROJECT + "/pipelines/{pipeline}")
def pipeline(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    for each in server.pipelines:
        if each.repository_id == repo.id and each.id == ask.number("pipeline"):
            return Answer(200, server.shown_pipeline(repo, each))
    raise Refusal(404, {"message": "404 Not found"})


def _note(server: "GitLabServer", found: Comment) -> dict[str, Any]:
    return {
        "id": found.id,
        "type": None,
        "body": found.body,
        "author": shapes.user(server, found.author),
        "created_at": shapes.stamp(found.created_at),
        "updated_at": shapes.stamp(found.updated_at),
        "system": False,
        "noteable_type": "MergeRequest",
        "noteable_iid": found.number,
        "project_id": found.repository_id,
        "resolvable": False,
        "confidential": False,
        "internal": False,
    }


@routes.on("POST", NOTES)
def add_note(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    request, body = server.request(repo, ask.number("iid")), ask.data().get("body")
    if not body:
        raise Refusal(400, {"error": "body is missing"})
    now, author = server.now(), server.caller(ask).account
    found = Comment(next(server.ids), repo.id, request.number, author, str(body), now, now)
    server.comments[found.id] = found
    return Answer(201, _note(server, found))


@routes.on("GET", NOTES)
def notes(server: "GitLabServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    request = server.request(repo, ask.number("iid"))
    return listed(server, ask, [_note(server, each) for each in server.comments_of(request)])


def _known(server: "GitLabServer", ask: Ask) -> Comment:
    repo, _ = server.reach(ask)
    found = server.comments.get(ask.number("note"))
    if found is None or (found.repository_id, found.number) != (repo.id, ask.number("iid")):
        raise Refusal(404, {"message": "404 Not found"})
    return found


@routes.on("GET", NOTES + "/{note}")
def one_note(server: "GitLabServer", ask: Ask) -> Answer:
    return Answer(200, _note(server, _known(server, ask)))


@routes.on("PUT", NOTES + "/{note}")
def change_note(server: "GitLabServer", ask: Ask) -> Answer:
    found = _known(server, ask)
    found.body, found.updated_at = str(ask.data().get("body", found.body)), server.now()
    return Answer(200, _note(server, found))


@routes.on("DELETE", NOTES + "/{note}")
def delete_note(server: "GitLabServer", ask: Ask) -> Answer:
    del server.comments[_known(server, ask).id]
    return Answer(204)

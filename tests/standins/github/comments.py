"""GitHub's API of comments on requests."""

from typing import TYPE_CHECKING, Any

from tests.standins.entities import Comment, Repository
from tests.standins.github import forms, shapes
from tests.standins.github.reading import REPO, listed
from tests.standins.github.statuses import invalid
from tests.standins.serving import Answer, Ask, Refusal, Routes

if TYPE_CHECKING:
    from tests.standins.github.server import GitHubServer

routes: Routes["GitHubServer"] = Routes()


@routes.on("GET", REPO + "/issues/{number}")
def issue(server: "GitHubServer", ask: Ask) -> Answer:
    """A pull request, seen as the issue that it is too."""
    repo, _ = server.reach(ask)
    request = server.request(repo, ask.number("number"))
    api = f"{server.api_url}/repos/{repo.full_name}"
    url = f"{api}/issues/{request.number}"
    shown = forms.request(server, request)
    kept = ("id", "node_id", "html_url", "number", "state", "title", "user", "body", "labels",
            "assignee", "assignees", "milestone", "locked", "comments", "closed_at",
            "created_at", "updated_at", "author_association")  # fmt: skip
    links = {f"{name}_url": f"{url}/{name}" for name in ("comments", "events")}
    content = {
        **{name: shown[name] for name in kept},
        **links,
        "url": url,
        "repository_url": api,
        "labels_url": f"{url}/labels{{/name}}",
    }
    return Answer(200, content)


@routes.on("POST", REPO + "/issues/{number}/comments")
def comment(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    number, body = ask.number("number"), ask.data().get("body")
    server.request(repo, number)
    if not body:
        raise invalid(server, "body")
    now, author = server.now(), server.caller(ask).account
    found = Comment(next(server.ids), repo.id, number, author, str(body), now, now)
    server.comments[found.id] = found
    return Answer(201, _comment(server, repo, found))


@routes.on("GET", REPO + "/issues/{number}/comments")
def comments(server: "GitHubServer", ask: Ask) -> Answer:
    repo, _ = server.reach(ask)
    request = server.request(repo, ask.number("number"))
    return listed(server, ask, [_comment(server, repo, c) for c in server.comments_of(request)])


def _known_comment(server: "GitHubServer", ask: Ask) -> tuple[Repository, Comment]:
    repo, _ = server.reach(ask)
    found = server.comments.get(ask.number("id"))
    if found is None or found.repository_id != repo.id:
        raise Refusal(404, server.problem("Not Found"))
    return repo, found


@routes.on("GET", REPO + "/issues/comments/{id}")
def one_comment(server: "GitHubServer", ask: Ask) -> Answer:
    return Answer(200, _comment(server, *_known_comment(server, ask)))


@routes.on("PATCH", REPO + "/issues/comments/{id}")
def change_comment(server: "GitHubServer", ask: Ask) -> Answer:
    repo, found = _known_comment(server, ask)
    found.body, found.updated_at = str(ask.data().get("body", found.body)), server.now()
    return Answer(200, _comment(server, repo, found))


@routes.on("DELETE", REPO + "/issues/comments/{id}")
def delete_comment(server: "GitHubServer", ask: Ask) -> Answer:
    _, found = _known_comment(server, ask)
    del server.comments[found.id]
    return Answer(204)


def _comment(server: "GitHubServer", repo: Repository, found: Comment) -> dict[str, Any]:
    api, web = f"{server.api_url}/repos/{repo.full_name}", f"{server.url}/{repo.full_name}"
    return {
        "id": found.id,
        "node_id": shapes.node("IC", found.id),
        "url": f"{api}/issues/comments/{found.id}",
        "html_url": f"{web}/pull/{found.number}#issuecomment-{found.id}",
        "issue_url": f"{api}/issues/{found.number}",
        "body": found.body,
        "user": shapes.user(server, found.author),
        "created_at": shapes.stamp(found.created_at),
        "updated_at": shapes.stamp(found.updated_at),
        "author_association": "OWNER",
    }

"""The stand-in of GitHub says what GitHub's own description of its API says."""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from tests.contracts import vendor
from tests.contracts.conftest import PREFIX, Judged, Receiver
from tests.standins.accounts import browse
from tests.standins.github import GitHubServer, shapes
from tests.standins.hooks import Hook

REPO = "/repos/ada/shop"
UNDESCRIBED = {("GET", "/repositories/{id}")}
"""GitHub redirects to it from a name that has changed, and describes it nowhere."""


def test_every_operation_of_the_stand_in_is_one_of_githubs(
    github: GitHubServer, description: dict[str, Any]
) -> None:
    served = {
        (method, vendor.shape(path.removeprefix(PREFIX)).removesuffix("/"))
        for method, path in github.routes.operations
        if path.startswith(PREFIX)
    }
    root = ("GET", "/repos/{}/{}/contents")  # the contents of the path that is empty

    undescribed = served - vendor.operations(description)

    assert undescribed == {root, *((m, vendor.shape(path)) for m, path in UNDESCRIBED)}


@pytest.fixture(scope="module")
def client(judged: Judged) -> Iterator[httpx.Client]:
    """Ada's calls through the judge; a repository with a branch `feature` and a request."""
    server = judged.server
    server.add_repository("ada/shop", {"app.py": "print()\n", "src/page.html": "<p>"})
    server.push("ada/shop", {"more.txt": "more"}, branch="feature", parent=tip(server))
    server.open_request("ada/shop", "feature")
    login = {"Authorization": f"Bearer {server.token('ada')}"}
    with httpx.Client(base_url=judged.url, headers=login, timeout=30, trust_env=False) as client:
        yield client


def tip(server: GitHubServer) -> str:
    sha = server.repository("ada/shop").bare.resolve("main")
    assert sha
    return sha


def said(answer: httpx.Response, status: int = 200) -> Any:
    """The JSON of an answer that the judge let pass."""
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def test_reading_is_as_described(client: httpx.Client, judged: Judged) -> None:
    sha = tip(judged.server)
    for path in ("/user", "/user/repos", "/rate_limit", REPO, f"{REPO}/branches"):
        said(client.get(path))
    found = said(client.get("/search/repositories", params={"q": "shop"}))
    assert [each["full_name"] for each in found["items"]] == ["ada/shop"]
    said(client.get(f"{REPO}/branches/feature"))
    assert said(client.get(f"{REPO}/commits/feature"))["files"][0]["filename"] == "more.txt"
    tree = said(client.get(f"{REPO}/git/trees/{sha}", params={"recursive": "1"}))
    assert {entry["path"] for entry in tree["tree"]} == {"app.py", "src", "src/page.html"}
    assert said(client.get(f"{REPO}/contents/app.py"))["encoding"] == "base64"
    assert isinstance(said(client.get(f"{REPO}/contents/src")), list)
    assert said(client.get(f"{REPO}/pulls"))[0]["number"] == 1
    said(client.get(f"{REPO}/pulls/1"))
    assert said(client.get(f"{REPO}/pulls/1/files"))[0]["filename"] == "more.txt"
    said(client.get(f"{REPO}/contents/missing"), 404)


def test_hooks_and_their_deliveries_are_as_described(
    client: httpx.Client, judged: Judged, receiver: Receiver
) -> None:
    config: dict[str, str] = {"url": receiver.url, "content_type": "json", "secret": "s"}
    made = said(client.post(f"{REPO}/hooks", json={"events": ["push"], "config": config}), 201)
    hook = f"{REPO}/hooks/{made['id']}"
    assert made["config"]["secret"] == "********"
    said(client.post(f"{REPO}/hooks", json={"events": ["push"], "config": config}), 422)
    assert said(client.get(f"{REPO}/hooks"))[0]["id"] == made["id"]
    said(client.get(hook))
    said(client.patch(hook, json={"add_events": ["pull_request"], "config": config}))
    said(client.patch(f"{hook}/config", json={"secret": "t"}))
    said(client.post(f"{hook}/pings"), 204)
    judged.server.push("ada/shop", {"a": "1"})
    sent = said(client.get(f"{hook}/deliveries", params={"per_page": 1}))
    assert sent[0]["event"] == "push"
    shown = said(client.get(f"{hook}/deliveries/{sent[0]['id']}"))
    assert shown["request"]["payload"]["ref"] == "refs/heads/main"
    said(client.post(f"{hook}/deliveries/{sent[0]['id']}/attempts"), 202)
    judged.server.dispatcher.settle()
    assert said(client.get(f"{hook}/deliveries"))[0]["guid"] == sent[0]["guid"]
    said(client.delete(hook), 204)
    said(client.get(hook), 404)


def test_reports_on_a_commit_are_as_described(client: httpx.Client, judged: Judged) -> None:
    sha = tip(judged.server)
    status = {"state": "pending", "context": "c2d/shop", "description": "queued"}
    said(client.post(f"{REPO}/statuses/{sha}", json=status), 201)
    assert said(client.get(f"{REPO}/commits/{sha}/status"))["state"] == "pending"
    assert said(client.get(f"{REPO}/commits/{sha}/statuses"))[0]["context"] == "c2d/shop"
    judged.server.set_check("ada/shop", sha, None)
    judged.server.set_check("ada/shop", sha, "failure", "lint")
    assert said(client.get(f"{REPO}/commits/{sha}/check-runs"))["total_count"] == 2
    made = {"ref": sha, "environment": "production"}
    said(client.post(f"{REPO}/deployments", json=made), 409)
    made |= {"required_contexts": []}
    record = said(client.post(f"{REPO}/deployments", json=made), 201)["id"]
    said(client.get(f"{REPO}/deployments", params={"sha": sha}))
    said(client.get(f"{REPO}/deployments/{record}"))
    url = "http://shop.example.org"
    done = {"state": "success", "environment_url": url, "log_url": f"{url}/log"}
    said(client.post(f"{REPO}/deployments/{record}/statuses", json=done), 201)
    assert said(client.get(f"{REPO}/deployments/{record}/statuses"))[0]["state"] == "success"


def test_comments_are_as_described(client: httpx.Client) -> None:
    said(client.get(f"{REPO}/issues/1"))
    made = said(client.post(f"{REPO}/issues/1/comments", json={"body": "a preview"}), 201)
    comment = f"{REPO}/issues/comments/{made['id']}"
    assert said(client.patch(comment, json={"body": "gone"}))["body"] == "gone"
    said(client.get(comment))
    said(client.get(f"{REPO}/issues/1/comments"))
    said(client.delete(comment), 204)


def test_a_token_given_back_is_as_described(judged: Judged, client: httpx.Client) -> None:
    app, server = judged.server.app, judged.server
    for kind in ("token", "grant"):
        token = server.accounts.issue(server.add_account("bob"), "repo", app.client_id).text
        answer = client.request(
            "DELETE",
            f"/applications/{app.client_id}/{kind}",
            json={"access_token": token},
            headers={"Authorization": _basic(app.client_id, app.client_secret)},
        )
        said(answer, 204)
        said(client.get("/user", headers={"Authorization": f"Bearer {token}"}), 401)


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def test_the_judge_refuses_a_wrong_call(client: httpx.Client) -> None:
    answer = client.post(f"{REPO}/hooks", json={"events": "push", "config": {"url": "http://x"}})

    assert answer.status_code == 422
    assert "prism/errors" in answer.json()["type"]


def test_the_judge_refuses_a_wrong_answer(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "own_user", lambda *_: {"login": "ada"})

    answer = client.get("/user")

    assert answer.status_code == 500
    assert "VIOLATIONS" in answer.json()["type"]


def test_every_operation_went_past_the_judge(judged: Judged, client: httpx.Client) -> None:
    """The last test of this module: the ones above left nothing out."""
    asked = {judged.server.routes.operation(ask.method, ask.path) for ask in judged.server.asked}
    of_api = {each for each in judged.server.routes.operations if each[1].startswith(PREFIX)}
    left = {
        ("GET", f"{PREFIX}/repositories/{{id}}"),
        ("GET", f"{PREFIX}/repos/{{owner}}/{{repo}}/contents"),
        ("GET", f"{PREFIX}/repos/{{owner}}/{{repo}}/contents/"),
    }
    assert of_api - asked - left == set()


WEBHOOKS = {
    "ping": "ping",
    "push": "push",
    "create": "create",
    "delete": "delete",
    "pull_request opened": "pull-request-opened",
    "pull_request synchronize": "pull-request-synchronize",
    "pull_request closed": "pull-request-closed",
    "status": "status",
    "check_run created": "check-run-created",
    "check_run completed": "check-run-completed",
    "check_suite completed": "check-suite-completed",
}


def test_webhooks_are_as_described(
    github: GitHubServer, receiver: Receiver, description: dict[str, Any]
) -> None:
    repo = github.add_repository("ada/shop", {"app.py": "print()\n"})
    hook = github.add_hook(repo, receiver.url, "s", {"*"})
    hook.settings = {"content_type": "json"}
    _everything(github, hook)

    got = [(headers["x-github-event"], json.loads(body)) for headers, body in receiver.got]
    named = {" ".join(filter(None, (event, body.get("action")))) for event, body in got}
    assert named == WEBHOOKS.keys()
    validators = {name: _validator(description, webhook) for name, webhook in WEBHOOKS.items()}
    for event, body in got:
        name = " ".join(filter(None, (event, body.get("action"))))
        problems = [f"{e.json_path}: {e.message[:200]}" for e in validators[name].iter_errors(body)]
        assert not problems, (name, problems)


def _everything(github: GitHubServer, hook: Hook) -> None:
    """One of each event."""
    github.ping(github.repository("ada/shop"), hook)
    sha = github.push("ada/shop", {"b": "2"}, branch="feature", parent=tip(github))
    request = github.open_request("ada/shop", "feature")
    github.push("ada/shop", {"b": "3"}, branch="feature")
    github.close_request(request, merge=True)
    github.set_ref("ada/shop", "refs/tags/v1", sha)
    github.set_ref("ada/shop", "refs/tags/v1", None)
    github.set_status("ada/shop", sha, "success")
    github.set_check("ada/shop", sha, None)
    github.set_check("ada/shop", sha, "success")
    github.dispatcher.settle()


def _validator(description: dict[str, Any], webhook: str) -> Draft202012Validator:
    post = description["x-webhooks"][webhook]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    components: dict[str, dict[str, Any]] = {}
    vendor.collect(description, schema, components)
    return Draft202012Validator(vendor.json_schema({**schema, "components": components}))


def test_an_authorisation_ends_at_the_applications_address(github: GitHubServer) -> None:
    github.add_account("ada")
    github.app.callbacks = ["http://127.0.0.1/git/callback/github"]
    page = f"{github.url}/login/oauth/authorize?client_id={github.app.client_id}&state=s"

    good = browse(f"{page}&redirect_uri=http://127.0.0.1:8080/git/callback/github")
    bad = httpx.get(f"{page}&redirect_uri=http://evil.example/git/callback/github", timeout=10)

    assert good["state"] == "s"
    assert bad.status_code == 400

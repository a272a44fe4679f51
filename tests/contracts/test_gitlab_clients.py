"""python-gitlab and git, neither of them ours, work with the stand-in of GitLab as with GitLab."""

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from gitlab import Gitlab, GitlabError
from gitlab.v4.objects import Project

from tests.contracts.conftest import Receiver
from tests.contracts.test_github_clients import AS_ADA, VERIFIER, git
from tests.standins.accounts import browse, challenge_of
from tests.standins.gitlab import GitLabServer

BACK = "http://127.0.0.1/back"
SHOP = "ada/apps/shop"
Connected = Callable[[str], Gitlab]


@pytest.fixture
def connected(gitlab: GitLabServer) -> Iterator[Connected]:
    opened: list[Gitlab] = []

    def connect(token: str) -> Gitlab:
        client = Gitlab(gitlab.url, oauth_token=token, per_page=100, retry_transient_errors=False)
        opened.append(client)
        return client

    yield connect
    for client in opened:
        client.session.close()


def token_endpoint(gitlab: GitLabServer, **form: str) -> httpx.Response:
    login = {"client_id": gitlab.app.client_id, "client_secret": gitlab.app.client_secret}
    return httpx.post(f"{gitlab.url}/oauth/token", data=login | form)


def agreed(gitlab: GitLabServer) -> str:
    page = f"{gitlab.url}/oauth/authorize?client_id={gitlab.app.client_id}&response_type=code"
    more = f"&code_challenge={challenge_of(VERIFIER)}&code_challenge_method=S256&scope=api"
    return browse(f"{page}{more}&redirect_uri={BACK}&state=s")["code"]


def exchange(gitlab: GitLabServer, code: str, verifier: str = VERIFIER) -> httpx.Response:
    form = {"grant_type": "authorization_code", "redirect_uri": BACK}
    return token_endpoint(gitlab, code=code, code_verifier=verifier, **form)


def test_a_code_works_once_and_with_its_verifier(
    gitlab: GitLabServer, connected: Connected
) -> None:
    gitlab.add_account("ada")
    code = agreed(gitlab)

    given = exchange(gitlab, code).json()

    client = connected(given["access_token"])
    client.auth()
    assert client.user is not None
    assert (client.user.username, given["expires_in"]) == ("ada", 7200)
    assert exchange(gitlab, code).json()["error"] == "invalid_grant"
    assert exchange(gitlab, agreed(gitlab), "w" * 64).status_code == 400


def test_a_refresh_token_works_once_and_a_revoked_token_not_at_all(
    gitlab: GitLabServer, connected: Connected
) -> None:
    now = [datetime.now(UTC).timestamp()]
    gitlab.clock = gitlab.accounts.clock = lambda: now[0]
    gitlab.add_account("ada")
    first = exchange(gitlab, agreed(gitlab)).json()
    now[0] += 7201
    with pytest.raises(GitlabError) as expired:
        connected(first["access_token"]).auth()

    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second, third = token_endpoint(gitlab, **refresh), token_endpoint(gitlab, **refresh)

    assert expired.value.response_code == 401
    assert (second.status_code, third.json()["error"]) == (200, "invalid_grant")
    login = {"client_id": gitlab.app.client_id, "client_secret": gitlab.app.client_secret}
    token = second.json()["access_token"]
    connected(token).auth()
    httpx.post(f"{gitlab.url}/oauth/revoke", data=login | {"token": token}).raise_for_status()
    with pytest.raises(GitlabError):
        connected(token).auth()


def test_two_thousand_projects_are_paged_and_searched(
    gitlab: GitLabServer, connected: Connected
) -> None:
    for number in range(2000):
        gitlab.add_repository(f"ada/r{number:04}")

    client = connected(gitlab.token("ada"))
    listed = client.projects.list(membership=True, order_by="id", sort="asc", iterator=True)

    assert [project.path for project in listed] == [f"r{number:04}" for number in range(2000)]
    found = client.projects.list(search="r1999", get_all=True)
    assert [project.path for project in found] == ["r1999"]


@pytest.fixture
def shop(gitlab: GitLabServer, connected: Connected) -> Project:
    gitlab.add_repository(SHOP, {"app.py": "print()\n", "src/page.html": "<p>"})
    return connected(gitlab.token("ada")).projects.get(SHOP)


def test_files_branches_and_commits_are_read(shop: Project, gitlab: GitLabServer) -> None:
    tip = gitlab.push(SHOP, {"ä b.txt": "1"}, branch="feature/x")

    tree = shop.repository_tree(recursive=True, get_all=True)

    assert {entry["path"] for entry in tree} == {"src", "app.py", "src/page.html"}
    assert shop.files.get("ä b.txt", "feature/x").decode() == b"1"
    assert shop.files.raw("ä b.txt", "feature/x") == b"1"
    assert shop.branches.get("feature/x").commit["id"] == tip
    assert {branch.name for branch in shop.branches.list(get_all=True)} == {"main", "feature/x"}
    assert shop.commits.get("feature/x").id == tip
    assert shop.attributes["permissions"]["project_access"]["access_level"] == 40


def hooked(shop: Project, receiver: Receiver, **more: Any) -> Any:
    events = ("tag_push_events", "merge_requests_events", "pipeline_events")
    given = {"url": receiver.url, "token": "word", **dict.fromkeys(events, True), **more}
    return shop.hooks.create(given)


def test_a_push_is_delivered_with_the_token_and_listed(
    shop: Project, gitlab: GitLabServer, receiver: Receiver
) -> None:
    hook = hooked(shop, receiver, custom_headers=[{"key": "X-Ours", "value": "1"}])
    sha = gitlab.push(SHOP, {"a.txt": "1"}, message="one")

    headers, body = receiver.got[-1]
    assert (headers["x-gitlab-token"], headers["x-gitlab-event"]) == ("word", "Push Hook")
    assert headers["x-ours"] == "1"
    pushed = json.loads(body)
    assert (pushed["checkout_sha"], pushed["commits"][0]["added"]) == (sha, ["a.txt"])
    events = shop.manager.gitlab.http_get(f"/projects/{shop.id}/hooks/{hook.id}/events")
    assert isinstance(events, list)
    assert events[0]["request_headers"]["Idempotency-Key"] == headers["idempotency-key"]
    assert events[0]["request_headers"]["X-Gitlab-Token"] == "[REDACTED]"


def test_a_dropped_delivery_is_listed_and_sent_again_under_its_key(
    shop: Project, gitlab: GitLabServer, receiver: Receiver
) -> None:
    hook = hooked(shop, receiver)
    gitlab.dispatcher.dropping = True
    gitlab.push(SHOP, {"a.txt": "1"})
    gitlab.dispatcher.dropping = False
    where = f"/projects/{shop.id}/hooks/{hook.id}/events"
    client = shop.manager.gitlab
    lost = client.http_list(where, iterator=False, get_all=False)[0]

    said = client.http_post(f"{where}/{lost['id']}/resend")

    assert (lost["response_status"], said) == ("internal error", {"response_status": 202})
    key = receiver.got[-1][0]["idempotency-key"]
    assert key == lost["request_headers"]["Idempotency-Key"]
    with pytest.raises(GitlabError):
        client.http_get(where, {"per_page": 100})


def test_a_new_address_takes_the_token_away(shop: Project, gitlab: GitLabServer) -> None:
    hook = shop.hooks.create({"url": "http://127.0.0.1:9/a", "token": "word"})
    hook.url = "http://127.0.0.1:9/b"
    hook.save()

    assert gitlab.hooks[hook.id].secret is None
    hook.delete()
    assert gitlab.hooks_at(SHOP) == []


def test_a_push_of_more_than_three_branches_tells_nobody(
    shop: Project, gitlab: GitLabServer, receiver: Receiver, tmp_path: Path
) -> None:
    hooked(shop, receiver)
    work = tmp_path / "work"
    url = shop.http_url_to_repo.replace("://", f"://oauth2:{gitlab.token('ada')}@")
    git(tmp_path, "clone", url, str(work))
    (work / "new").write_text("1")
    git(work, "add", "-A")
    git(work, *AS_ADA, "commit", "-m", "new")

    git(work, "push", "origin", *(f"HEAD:b{number}" for number in range(4)))
    gitlab.dispatcher.settle()
    assert receiver.got == []
    git(work, "push", "origin", "HEAD:main")
    gitlab.dispatcher.settle()
    assert [json.loads(body)["ref"] for _, body in receiver.got] == ["refs/heads/main"]


def test_git_without_the_right_gets_nothing(shop: Project, tmp_path: Path) -> None:
    wrong = shop.http_url_to_repo.replace("://", "://oauth2:nobody@")
    for url in (shop.http_url_to_repo, wrong):
        with pytest.raises(subprocess.CalledProcessError):
            git(tmp_path, "ls-remote", url)


def test_a_status_goes_forward_only(shop: Project, gitlab: GitLabServer) -> None:
    sha = gitlab.push(SHOP, {"a.txt": "1"})
    statuses = shop.commits.get(sha).statuses
    for state in ("pending", "running"):
        statuses.create({"state": state, "name": "c2d/shop"})
    for state in ("running", "pending"):
        with pytest.raises(GitlabError, match="Cannot transition"):
            statuses.create({"state": state, "name": "c2d/shop"})
    statuses.create({"state": "success", "name": "c2d/shop", "target_url": "http://x.org"})
    statuses.create({"state": "pending", "name": "c2d/shop"})

    assert [s.status for s in gitlab.statuses_of(SHOP, sha)] == ["pending", "success"]
    assert [s.status for s in statuses.list(get_all=True)] == ["pending"]
    assert len(shop.pipelines.list(sha=sha, get_all=True)) == 1
    assert shop.pipelines.list(sha=sha, get_all=True)[0].attributes["source"] == "external"


def test_statuses_join_the_pipeline_of_the_commits_own_jobs(
    shop: Project, gitlab: GitLabServer, receiver: Receiver
) -> None:
    sha = gitlab.push(SHOP, {"a.txt": "1"})
    hooked(shop, receiver)
    pipeline = gitlab.set_job(SHOP, sha, "success")
    shop.commits.get(sha).statuses.create({"state": "pending", "name": "c2d/shop"})
    gitlab.dispatcher.settle()

    assert shop.pipelines.get(pipeline.id).status == "pending"
    said = [json.loads(body)["object_attributes"]["status"] for _, body in receiver.got]
    assert said == ["success", "pending"]


def test_a_deployment_makes_its_environment_and_ends_once(
    shop: Project, gitlab: GitLabServer
) -> None:
    sha = gitlab.push(SHOP, {"a.txt": "1"})
    given = {"environment": "production", "sha": sha, "ref": "main", "tag": False}
    record = shop.deployments.create({**given, "status": "running"})
    record.status = "success"
    record.save()
    with pytest.raises(GitlabError, match="cannot transition"):
        shop.deployments.update(record.id, {"status": "success"})

    environment = shop.environments.list(name="production", get_all=True)[0]
    environment.external_url = "http://shop.example.org"
    environment.save()

    assert shop.deployments.get(record.id).status == "success"
    assert shop.environments.get(environment.id).external_url == "http://shop.example.org"
    environment.stop()
    environment.delete()


def test_a_merge_request_is_opened_followed_commented_and_closed(
    shop: Project, gitlab: GitLabServer, receiver: Receiver
) -> None:
    hooked(shop, receiver, push_events=False)
    gitlab.push(SHOP, {"a.txt": "1"}, branch="feature")
    request = gitlab.open_request(SHOP, "feature", title="A feature")
    sha = gitlab.push(SHOP, {"a.txt": "2"}, branch="feature")
    found = shop.mergerequests.get(request.number)
    note = found.notes.create({"body": "a preview"})
    note.body = "gone"
    note.save()
    gitlab.close_request(request)

    told = [json.loads(body)["object_attributes"] for _, body in receiver.got]
    assert [each["action"] for each in told] == ["open", "update", "close"]
    assert (told[1]["last_commit"]["id"], "oldrev" in told[1]) == (sha, True)
    assert [each.body for each in gitlab.comments_of(request)] == ["gone"]


def test_faults_are_gitlabs(shop: Project, gitlab: GitLabServer) -> None:
    gitlab.faults.limited_seconds = 7
    with pytest.raises(GitlabError) as limited:
        shop.manager.gitlab.http_request("get", f"/projects/{shop.id}", obey_rate_limit=False)
    gitlab.faults.limited_seconds = None
    gitlab.lose_access("ada", SHOP)
    with pytest.raises(GitlabError) as hidden:
        shop.branches.list(get_all=True)
    gitlab.revoke("ada")
    with pytest.raises(GitlabError) as revoked:
        shop.branches.list(get_all=True)
    with gitlab.down(), pytest.raises(GitlabError) as down:
        shop.branches.list(get_all=True)

    codes = [each.value.response_code for each in (limited, hidden, revoked, down)]
    assert codes == [429, 404, 401, 503]


def test_a_moved_project_is_found_under_its_old_path(shop: Project, gitlab: GitLabServer) -> None:
    gitlab.rename(SHOP, "ada/apps/store")

    assert shop.manager.get(SHOP).path_with_namespace == "ada/apps/store"

"""PyGithub and git, neither of them ours, work with the stand-in of GitHub as with GitHub."""

import hashlib
import hmac
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from github import Auth, Github, GithubException
from github.Repository import Repository

from tests.contracts.conftest import Receiver
from tests.standins.accounts import browse, challenge_of
from tests.standins.entities import Level
from tests.standins.github import GitHubServer
from tests.standins.repositories import git_environment

VERIFIER = "v" * 64
Connected = Callable[[str], Github]


@pytest.fixture
def connected(github: GitHubServer) -> Iterator[Connected]:
    """A client with a token of the login's."""
    opened: list[Github] = []

    def connect(token: str) -> Github:
        client = Github(
            auth=Auth.Token(token), base_url=github.api_url, retry=None, per_page=100,
            seconds_between_requests=0, seconds_between_writes=0,
        )  # fmt: skip
        opened.append(client)
        return client

    yield connect
    for client in opened:
        client.close()


def exchange(github: GitHubServer, **form: str) -> dict[str, Any]:
    login = {"client_id": github.app.client_id, "client_secret": github.app.client_secret}
    url = f"{github.url}/login/oauth/access_token"
    answer = httpx.post(url, data=login | form, headers={"Accept": "application/json"})
    return dict(answer.json())


def agreed(github: GitHubServer) -> str:
    """The code that comes of agreeing."""
    page = f"{github.url}/login/oauth/authorize?client_id={github.app.client_id}&scope=repo"
    more = f"&code_challenge={challenge_of(VERIFIER)}&code_challenge_method=S256"
    return browse(f"{page}{more}&redirect_uri=http://127.0.0.1/back&state=s")["code"]


def test_a_code_works_once_and_with_its_verifier(
    github: GitHubServer, connected: Connected
) -> None:
    github.add_account("ada")
    code = agreed(github)

    given = exchange(github, code=code, code_verifier=VERIFIER)

    assert connected(given["access_token"]).get_user().login == "ada"
    assert exchange(github, code=code, code_verifier=VERIFIER)["error"] == "bad_verification_code"
    assert "error" in exchange(github, code=agreed(github), code_verifier="w" * 64)
    assert "error" in exchange(github, code=agreed(github))


def test_an_expiring_token_is_refreshed_once(github: GitHubServer, connected: Connected) -> None:
    now = [datetime.now(UTC).timestamp()]
    github.clock = github.accounts.clock = lambda: now[0]
    github.add_account("ada")
    github.accounts.token_seconds = 28800
    first = exchange(github, code=agreed(github), code_verifier=VERIFIER)
    now[0] += 28801

    refresh = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second, third = exchange(github, **refresh), exchange(github, **refresh)

    with pytest.raises(GithubException) as refused:
        connected(first["access_token"]).get_user().login  # noqa: B018 - read from GitHub
    assert refused.value.status == 401
    assert connected(second["access_token"]).get_user().login == "ada"
    assert third["error"] == "bad_refresh_token"


def test_two_thousand_repositories_are_paged(github: GitHubServer, connected: Connected) -> None:
    for number in range(2000):
        github.add_repository(f"ada/r{number:04}")

    client = connected(github.token("ada"))
    names = [repo.full_name for repo in client.get_user().get_repos()]

    assert names == [f"ada/r{number:04}" for number in range(2000)]
    assert [r.name for r in client.search_repositories("r1999")] == ["r1999"]


@pytest.fixture
def shop(github: GitHubServer, connected: Connected) -> Repository:
    github.add_repository("ada/shop", {"app.py": "print()\n", "src/page.html": "<p>"})
    return connected(github.token("ada")).get_repo("ada/shop")


def test_files_branches_and_commits_are_read(shop: Repository, github: GitHubServer) -> None:
    tip = github.push("ada/shop", {"ä b.txt": "1"}, branch="feature/x")

    entries = shop.get_git_tree(tip, recursive=True).tree
    content = shop.get_contents("ä b.txt", ref="feature/x")

    assert {entry.path for entry in entries} == {"ä b.txt"}
    assert not isinstance(content, list)
    assert content.decoded_content == b"1"
    assert {b.name: b.commit.sha for b in shop.get_branches()}["feature/x"] == tip
    assert shop.get_commit("feature/x").sha == tip


def test_a_push_is_delivered_signed_and_listed(
    shop: Repository, github: GitHubServer, receiver: Receiver
) -> None:
    config = {"url": receiver.url, "content_type": "json", "secret": "word"}
    hook = shop.create_hook("web", config, events=["push"])
    sha = github.push("ada/shop", {"a.txt": "1"}, message="one")

    headers, body = receiver.got[-1]
    signed = hmac.new(b"word", body, hashlib.sha256).hexdigest()
    assert headers["x-hub-signature-256"] == f"sha256={signed}"
    assert headers["x-github-hook-id"] == str(hook.id)
    pushed = json.loads(body)
    assert (pushed["after"], pushed["commits"][0]["added"]) == (sha, ["a.txt"])
    assert [d.event for d in shop.get_hook_deliveries(hook.id)] == ["push", "ping"]


def test_a_dropped_delivery_is_listed_as_failed_and_sent_again(
    shop: Repository, github: GitHubServer, receiver: Receiver
) -> None:
    config = {"url": receiver.url, "content_type": "json", "secret": "word"}
    hook = shop.create_hook("web", config, events=["push"])
    github.dispatcher.settle()
    receiver.got.clear()
    github.dispatcher.dropping = True
    github.push("ada/shop", {"a.txt": "1"})
    github.dispatcher.dropping = False

    lost = next(iter(shop.get_hook_deliveries(hook.id)))
    again = github.redeliver(github.dispatcher.attempts[-1])

    assert lost.status_code == 0
    assert (again.guid, again.redelivery, again.status) == (lost.guid, True, 202)
    assert [h["x-github-delivery"] for h, _ in receiver.got] == [lost.guid]


def test_git_pushes_with_the_token_and_the_hooks_are_told(
    shop: Repository, github: GitHubServer, receiver: Receiver, tmp_path: Path
) -> None:
    shop.create_hook("web", {"url": receiver.url, "content_type": "json"}, events=["push"])
    work = tmp_path / "work"
    url = shop.clone_url.replace("://", f"://x-access-token:{github.token('ada')}@")
    git(tmp_path, "clone", url, str(work))
    (work / "large.bin").write_bytes(b"0123456789" * 300_000)
    git(work, "add", "-A")
    git(work, *AS_ADA, "commit", "-m", "a large file")
    git(work, "push", "origin", "HEAD:main", "HEAD:feature")
    github.dispatcher.settle()

    pushed = [json.loads(body) for _, body in receiver.got[1:]]
    assert {each["ref"] for each in pushed} == {"refs/heads/main", "refs/heads/feature"}
    assert {each["head_commit"]["added"][0] for each in pushed} == {"large.bin"}


def test_git_without_the_right_gets_nothing(
    shop: Repository, github: GitHubServer, tmp_path: Path
) -> None:
    github.repository("ada/shop").access["bob"] = Level.READ
    reader = shop.clone_url.replace("://", f"://x-access-token:{github.token('bob')}@")

    git(tmp_path, "clone", reader, "work")

    for argv in (["ls-remote", shop.clone_url], ["push", reader, "HEAD:new"]):
        with pytest.raises(subprocess.CalledProcessError):
            git(tmp_path / "work", *argv)


def test_the_refs_of_a_fork_come_to_the_base_as_a_request(
    shop: Repository, github: GitHubServer, tmp_path: Path
) -> None:
    fork = github.fork("ada/shop", "eve")
    sha = github.push("eve/shop", {"evil.txt": "1"}, branch="patch", parent=None)
    github.open_request("ada/shop", "patch", head=fork)
    url = shop.clone_url.replace("://", f"://x-access-token:{github.token('ada')}@")

    listed = git(tmp_path, "ls-remote", url, "refs/pull/1/head")

    assert listed.split()[0] == sha
    pull = shop.get_pull(1)
    assert pull.head.repo.full_name == "eve/shop"


@pytest.mark.parametrize(("status", "seconds"), [(403, 60), (429, 5)])
def test_a_used_up_quota_is_said(
    shop: Repository, github: GitHubServer, status: int, seconds: int
) -> None:
    github.faults.limited_status, github.faults.limited_seconds = status, seconds

    with pytest.raises(GithubException) as refused:
        shop.get_branch("main")

    assert refused.value.status == status
    assert (refused.value.headers or {})["x-ratelimit-remaining"] == "0"


def test_what_is_lost_is_not_found_and_what_is_revoked_opens_nothing(
    shop: Repository, github: GitHubServer
) -> None:
    github.lose_access("ada", "ada/shop")
    with pytest.raises(GithubException) as hidden:
        shop.get_branch("main")
    github.revoke("ada")
    with pytest.raises(GithubException) as revoked:
        shop.get_branch("main")
    with github.down(), pytest.raises(GithubException) as down:
        shop.get_branch("main")

    assert (hidden.value.status, revoked.value.status, down.value.status) == (404, 401, 503)


def test_a_renamed_repository_is_found_under_its_old_name(
    shop: Repository, github: GitHubServer
) -> None:
    github.rename("ada/shop", "ada/store")

    assert shop.get_branch("main").name == "main"
    shop.update()
    assert shop.full_name == "ada/store"


AS_ADA = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=git_environment(), capture_output=True, text=True,
        timeout=60, check=True,
    )  # fmt: skip
    return done.stdout

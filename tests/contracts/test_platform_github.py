"""What the platform asks of GitHub is what GitHub's own description takes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.git.github import GitHub
from shared.adapters.git.server import Server
from shared.ports.git import Checks, Report, ReportState
from tests.contracts.conftest import Judged, Receiver
from tests.standins.accounts import browse, challenge_of

VERIFIER = "v" * 64
NAME = "ada/store"
BACK = "http://127.0.0.1/git/callback/github"


@pytest.fixture(scope="module")
def platform(judged: Judged) -> GitHub:
    """Our adapter, with Prism between it and the stand-in."""
    server, app = judged.server, judged.server.app
    server.add_repository(NAME, {"app.py": "print()\n", "src/page.html": "<p>"})
    return GitHub(Server(server.url, judged.url, app.client_id, app.client_secret))


@pytest.fixture(scope="module")
def token(judged: Judged, platform: GitHub) -> str:
    page = platform.authorize_url(state="s", challenge=challenge_of(VERIFIER), redirect_url=BACK)
    code = browse(page)["code"]
    return platform.exchange(code=code, verifier=VERIFIER, redirect_url=BACK).access_token


def tip(judged: Judged) -> str:
    return judged.server.repository(NAME).bare.refs()["refs/heads/main"]


def test_reading(platform: GitHub, token: str, judged: Judged) -> None:
    sha = tip(judged)

    assert platform.account(token).name == "ada"
    assert NAME in {repo.full_name for repo in platform.every(token)}
    assert NAME in {repo.full_name for repo in platform.list(token, limit=10, page=1)}
    assert platform.get(token, NAME).can_administer
    assert [b.sha for b in platform.branches(token, NAME, limit=100, page=1)] == [sha]
    tree = platform.tree(token, NAME, "main", "")
    assert {entry.path for entry in tree.entries} == {"app.py", "src", "src/page.html"}
    # below a folder too, but Prism takes a parameter in a path for one part of it
    assert platform.read(token, NAME, "main", "app.py") == b"print()\n"
    assert platform.commit(token, NAME, "main").sha == sha


def test_hooks(platform: GitHub, token: str, judged: Judged, receiver: Receiver) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    made = platform.register(token, NAME, url=receiver.url, secret="one")
    again = platform.register(token, NAME, url=receiver.url, secret="two")
    assert made == again
    platform.change_secret(token, NAME, made.id, url=receiver.url, secret="three")
    judged.server.push(NAME, {"a.txt": "1"})

    seen = platform.deliveries(token, NAME, made.id, since)
    platform.redeliver(token, NAME, made.id, seen[-1].handle)
    judged.server.dispatcher.settle()

    assert [each.event for each in seen] == ["ping", "push"]
    assert [hook.secret for hook in judged.server.hooks_at(NAME)] == ["three"]
    keys = [headers["x-github-delivery"] for headers, _ in receiver.got]
    assert keys[1:] == [seen[-1].delivery_id] * 2
    platform.remove(token, NAME, made.id)
    platform.remove(token, NAME, made.id)
    assert judged.server.hooks_at(NAME) == []


def test_reports(platform: GitHub, token: str, judged: Judged) -> None:
    sha = judged.server.push(NAME, {"b.txt": "1"})
    report = Report(
        sha=sha, state=ReportState.PENDING, context="click-to-deploy/shop", description="queued",
        target_url="http://platform.example.org/d/1", environment="shop", deployment="d-1",
        ref="main",
    )  # fmt: skip
    record = platform.report(token, NAME, report)
    for state in (ReportState.RUNNING, ReportState.SUCCESS):
        url = "http://shop.example.org"
        told = replace(report, state=state, deployment_ref=record, environment_url=url)
        assert platform.report(token, NAME, told) == record

    assert [s.state for s in judged.server.statuses_of(NAME, sha)] == [
        "success", "pending", "pending",
    ]  # fmt: skip
    states = [status.state for status in judged.server.deployments_of(NAME)[-1].statuses]
    assert states == ["queued", "in_progress", "success"]
    assert platform.checks(token, NAME, sha, ours="click-to-deploy") is Checks.NONE
    judged.server.set_check(NAME, sha, None)
    assert platform.checks(token, NAME, sha, ours="click-to-deploy") is Checks.PENDING
    judged.server.set_check(NAME, sha, "success")
    assert platform.checks(token, NAME, sha, ours="click-to-deploy") is Checks.PASSED


def test_comments(platform: GitHub, token: str, judged: Judged) -> None:
    judged.server.push(NAME, {"c.txt": "1"}, branch="feature", parent=tip(judged))
    request = judged.server.open_request(NAME, "feature")

    comment = platform.comment(token, NAME, request.number, "building", None)
    assert platform.comment(token, NAME, request.number, "live", comment) == comment

    assert [each.body for each in judged.server.comments_of(request)] == ["live"]


def test_a_token_is_given_back(platform: GitHub, judged: Judged) -> None:
    app, account = judged.server.app, judged.server.add_account("bob")
    token = judged.server.accounts.issue(account, "repo", app.client_id).text

    platform.revoke(token)
    platform.revoke(token)

    assert judged.server.accounts.who(token) is None

"""What the platform asks of GitLab is what GitLab takes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.git.gitlab import GitLab
from shared.adapters.git.server import gitlab_server
from shared.ports.git import Checks, Report, ReportState
from tests.contracts.conftest import Receiver
from tests.standins.accounts import browse, challenge_of
from tests.standins.gitlab import GitLabServer

VERIFIER = "v" * 64
NAME = "ada/apps/shop"
BACK = "http://127.0.0.1/git/callback/gitlab"


@pytest.fixture
def platform(gitlab: GitLabServer) -> GitLab:
    gitlab.add_repository(NAME, {"app.py": "print()\n", "src/page.html": "<p>"})
    app = gitlab.app
    return GitLab(gitlab_server(gitlab.url, app.client_id, app.client_secret, None))


@pytest.fixture
def token(platform: GitLab) -> str:
    page = platform.authorize_url(state="s", challenge=challenge_of(VERIFIER), redirect_url=BACK)
    code = browse(page)["code"]
    grant = platform.exchange(code=code, verifier=VERIFIER, redirect_url=BACK)
    return platform.refresh(grant.refresh_token or "").access_token


def test_reading(platform: GitLab, token: str, gitlab: GitLabServer) -> None:
    sha = gitlab.repository(NAME).bare.refs()["refs/heads/main"]

    assert platform.account(token).name == "ada"
    assert [repo.full_name for repo in platform.every(token)] == [NAME]
    assert [repo.full_name for repo in platform.list(token, limit=10, page=1)] == [NAME]
    assert platform.get(token, NAME).can_administer
    assert [b.sha for b in platform.branches(token, NAME, limit=100, page=1)] == [sha]
    tree = platform.tree(token, NAME, "main", "")
    assert {entry.path for entry in tree.entries} == {"app.py", "src", "src/page.html"}
    assert platform.read(token, NAME, "main", "src/page.html") == b"<p>"
    assert platform.commit(token, NAME, "main").sha == sha


def test_hooks(platform: GitLab, token: str, gitlab: GitLabServer, receiver: Receiver) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    made = platform.register(token, NAME, url=receiver.url, secret="one")
    assert platform.register(token, NAME, url=receiver.url, secret="two") == made
    platform.change_secret(token, NAME, made.id, url=receiver.url, secret="three")
    for number in range(25):
        gitlab.push(NAME, {"a.txt": str(number)})

    seen = platform.deliveries(token, NAME, made.id, since)
    platform.redeliver(token, NAME, made.id, seen[0].handle)

    assert len(seen) == 25
    assert [hook.secret for hook in gitlab.hooks_at(NAME)] == ["three"]
    keys = [headers["idempotency-key"] for headers, _ in receiver.got]
    assert keys == [*(each.delivery_id for each in seen), seen[0].delivery_id]
    platform.remove(token, NAME, made.id)
    platform.remove(token, NAME, made.id)
    assert gitlab.hooks_at(NAME) == []


def test_reports(platform: GitLab, token: str, gitlab: GitLabServer) -> None:
    sha = gitlab.push(NAME, {"b.txt": "1"})
    report = Report(
        sha=sha, state=ReportState.PENDING, context="click-to-deploy/shop", description="queued",
        target_url="http://platform.example.org/d/1", environment="shop", deployment="d-1",
        ref="main",
    )  # fmt: skip
    record = platform.report(token, NAME, report)
    for state in (ReportState.RUNNING, ReportState.RUNNING, ReportState.SUCCESS):
        url = "http://shop.example.org"
        told = replace(report, state=state, deployment_ref=record, environment_url=url)
        assert platform.report(token, NAME, told) == record

    assert [s.status for s in gitlab.statuses_of(NAME, sha)] == ["success"]
    deployed = gitlab.deployments_of(NAME)
    assert [d.status for d in deployed] == ["success"]
    assert deployed[0].environment.external_url == "http://shop.example.org"
    assert platform.checks(token, NAME, sha, ours="click-to-deploy") is Checks.NONE
    gitlab.set_job(NAME, sha, "running")
    assert platform.checks(token, NAME, sha, ours="click-to-deploy") is Checks.PENDING
    gitlab.set_job(NAME, sha, "success")
    assert platform.checks(token, NAME, sha, ours="click-to-deploy") is Checks.PASSED


def test_comments(platform: GitLab, token: str, gitlab: GitLabServer) -> None:
    gitlab.push(NAME, {"c.txt": "1"}, branch="feature")
    request = gitlab.open_request(NAME, "feature")

    comment = platform.comment(token, NAME, request.number, "building", None)
    assert platform.comment(token, NAME, request.number, "live", comment) == comment

    assert [each.body for each in gitlab.comments_of(request)] == ["live"]


def test_a_token_is_given_back(platform: GitLab, token: str, gitlab: GitLabServer) -> None:
    platform.revoke(token)
    platform.revoke(token)

    assert gitlab.accounts.who(token) is None

"""Commit statuses, deployment records, checks of others, comments."""

import pytest

from shared.ports.git import Checks, Report, ReportState
from tests.adapters.git.conftest import Host

pytestmark = pytest.mark.enable_socket
OURS = "click-to-deploy"


def a_report(sha: str, state: ReportState, **more: object) -> Report:
    given = {
        "context": f"{OURS}/web",
        "description": "Building",
        "target_url": "https://deploy.example/d/1",
        "environment": "shop/web",
        "deployment": "d-1",
        **more,
    }
    return Report(sha=sha, state=state, **given)  # type: ignore[arg-type]


def test_a_deployment_is_told_from_its_beginning_to_its_end(host: Host) -> None:
    name = host.repository()
    sha = host.sha(name)
    ref = None
    for state in (ReportState.PENDING, ReportState.RUNNING, ReportState.SUCCESS):
        url = "https://web.example" if state is ReportState.SUCCESS else None
        report = a_report(sha, state, deployment_ref=ref, environment_url=url)
        ref = host.adapter.report(host.token, name, report)
    status = host.server.statuses_of(name, sha)[0]
    assert (status.state if host.is_github else status.status) == "success"
    [record] = host.server.deployments_of(name)
    assert str(record.id) == ref


def test_the_same_state_told_again_is_fine(host: Host) -> None:
    name = host.repository()
    sha = host.sha(name)
    ref = host.adapter.report(host.token, name, a_report(sha, ReportState.RUNNING))
    again = a_report(sha, ReportState.RUNNING, deployment_ref=ref)
    assert host.adapter.report(host.token, name, again) == ref


def test_a_report_that_was_cut_off_finds_the_record_it_made(host: Host) -> None:
    name = host.repository()
    sha = host.sha(name)
    first = host.adapter.report(host.token, name, a_report(sha, ReportState.RUNNING))
    forgotten = a_report(sha, ReportState.RUNNING, deployment_ref=None)
    assert host.adapter.report(host.token, name, forgotten) == first
    assert len(host.server.deployments_of(name)) == 1


def test_an_older_deployment_leaves_the_commits_status_alone(host: Host) -> None:
    name = host.repository()
    sha = host.sha(name)
    host.adapter.report(host.token, name, a_report(sha, ReportState.CANCELLED, record_only=True))
    assert host.server.statuses_of(name, sha) == []
    assert len(host.server.deployments_of(name)) == 1


def test_checks_of_others_count_and_our_own_do_not(host: Host) -> None:
    name = host.repository()
    sha = host.sha(name)

    def said() -> Checks:
        return host.adapter.checks(host.token, name, sha, ours=OURS)

    def set_check(state: str) -> None:
        if host.is_github:
            conclusion = {"running": None, "failed": "failure", "success": "success"}[state]
            host.server.set_check(name, sha, conclusion)
        else:
            host.server.set_job(name, sha, state)

    host.adapter.report(host.token, name, a_report(sha, ReportState.FAILURE))
    assert said() is Checks.NONE
    for state, expected in (
        ("running", Checks.PENDING),
        ("failed", Checks.FAILED),
        ("success", Checks.PASSED),
    ):
        set_check(state)
        assert said() is expected


def test_a_comment_is_rewritten_and_made_anew_when_somebody_deleted_it(host: Host) -> None:
    name = host.repository()
    host.server.push(name, {"a": "b"}, branch="topic")
    request = host.server.open_request(name, "topic")
    ref = host.adapter.comment(host.token, name, request.number, "one", None)
    assert host.adapter.comment(host.token, name, request.number, "two", ref) == ref
    [comment] = host.server.comments_of(request)
    assert comment.body == "two"
    host.server.comments.clear()
    again = host.adapter.comment(host.token, name, request.number, "three", ref)
    assert again != ref
    assert [each.body for each in host.server.comments_of(request)] == ["three"]
